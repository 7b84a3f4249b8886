//! A server in a thread of its own, that can be stopped with everything it has open, and started again where it was.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;
use std::thread::{self, JoinHandle};

use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::faults::Unanswered;
use crate::lock;

/// Where a server listens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Address {
    /// On 127.0.0.1, at a port that the kernel chooses.
    #[default]
    Free,
    /// Here.
    At(SocketAddr),
}

#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    router: Router,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Listens from now on.
    ///
    /// # Panics
    /// Where it cannot listen there: a stand-in has no other way to go on.
    pub(crate) fn start(address: Address, router: Router) -> Self {
        let address = match address {
            Address::Free => SocketAddr::from(([127, 0, 0, 1], 0)),
            Address::At(address) => address,
        };
        let (address, running) = listen(address, router.clone());
        Self { address, router, running: Mutex::new(Some(running)) }
    }

    /// `http://127.0.0.1:49152`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes every connection and refuses new ones.
    pub(crate) fn stop(&self) {
        let running = lock(&self.running).take();
        if let Some(Running { stop, thread }) = running {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }

    /// Listens again, at the same address.
    pub(crate) fn resume(&self) {
        let mut running = lock(&self.running);
        if running.is_none() {
            *running = Some(listen(self.address, self.router.clone()).1);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn listen(address: SocketAddr, router: Router) -> (SocketAddr, Running) {
    let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    listener.set_nonblocking(true).expect("a socket can be made not to block");
    let address = listener.local_addr().expect("what listens has an address");
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(async {
            tokio::select! { () = serve(listener, router) => {}, _ = stopped => {} }
        });
        runtime.shutdown_background();
    });
    (address, Running { stop, thread })
}

/// Serves for ever; to drop it is to close everything.
async fn serve(listener: TcpListener, router: Router) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("the socket does not block");
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let router = TowerToHyperService::new(router.clone());
        let service = service_fn(move |request| answer(router.clone(), request));
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(router: TowerToHyperService<Router>, request: Request<Incoming>) -> io::Result<Response> {
    let response = router.call(request).await.unwrap_or_else(|never| match never {});
    match response.extensions().get::<Unanswered>() {
        Some(_) => Err(io::Error::other("closed without an answer")),
        None => Ok(response),
    }
}
