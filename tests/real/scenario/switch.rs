//! What stands before replicas, in small: passes connections on to one of them, and to another one when it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) struct Switch {
    address: SocketAddr,
    passing: Arc<Passing>,
}

struct Passing {
    to: Mutex<String>,
    /// Bytes that went to clients, and when the last of them did.
    passed: AtomicU64,
    last: Mutex<Instant>,
}

impl Switch {
    /// Passes on to the replica at `base`.
    pub(crate) fn to(base: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (to, last) = (Mutex::new(authority(base)), Mutex::new(Instant::now()));
        let passing = Arc::new(Passing { to, passed: AtomicU64::default(), last });
        let shared = Arc::clone(&passing);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let passing = Arc::clone(&shared);
                thread::spawn(move || passing.pass(&client));
            }
        });
        Self { address, passing }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// New connections go there.
    pub(crate) fn turn_to(&self, base: &str) {
        *self.passing.to.lock().unwrap() = authority(base);
    }

    pub(crate) fn passed(&self) -> u64 {
        self.passing.passed.load(Ordering::Relaxed)
    }

    /// Nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.passing.last.lock().unwrap().elapsed() > Duration::from_millis(100)
    }
}

impl Passing {
    /// Ends, for both sides, when either of them does.
    fn pass(&self, client: &TcpStream) {
        let to = self.to.lock().unwrap().clone();
        let Ok(replica) = TcpStream::connect(to) else { return };
        let (mut requests, mut to_replica) = (client.try_clone().unwrap(), replica.try_clone().unwrap());
        thread::spawn(move || {
            let _ = std::io::copy(&mut requests, &mut to_replica);
            let _ = to_replica.shutdown(Shutdown::Both);
        });
        self.answer(&replica, client);
        let _ = client.shutdown(Shutdown::Both);
    }

    fn answer(&self, mut replica: &TcpStream, mut client: &TcpStream) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = replica.read(&mut buffer) {
            if client.write_all(&buffer[..read]).is_err() {
                return;
            }
            self.passed.fetch_add(read as u64, Ordering::Relaxed);
            *self.last.lock().unwrap() = Instant::now();
        }
    }
}

fn authority(base: &str) -> String {
    base.trim_start_matches("http://").to_owned()
}
