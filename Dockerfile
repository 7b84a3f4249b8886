# The service and the `remux` command as static binaries, in an image with the samples and certificates, and nothing else.
FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --workspace --bins --target "$target" \
    && mkdir -p /image/usr/local/bin /work \
    && cp "target/$target/release/playback-service" "target/$target/release/remux" /image/usr/local/bin/ \
    && mkdir -p /standins && cp "target/$target/release/standins" /standins/ \
    # Who may sign for object stores and Valkey that are spoken to by TLS.
    && mkdir -p /image/etc/ssl/certs && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && cp -r testdata/recordings /image/

# Servers that answer as a platform does, for compose.yaml.
FROM scratch AS standins
COPY --from=build /standins/standins /standins
COPY --from=build /image/recordings /recordings
ENTRYPOINT ["/standins", "/recordings", "--bind", "0.0.0.0", "--host", "standins", "--storage-port", "8082", \
    "--objects-port", "9000", "--vms-port", "8081", "--mediamtx-port", "8888"]

FROM scratch
COPY --from=build /image/ /
# Empty, and its user's: what it remembers goes there.
COPY --from=build --chown=65532:65532 /work /work
# In a container the service is reached from outside of it; recordings are mounted, the samples are what is there otherwise.
ENV BIND_ADDR=0.0.0.0 PORT=8085 RECORDINGS_DIR=/recordings WORK_DIR=/work LOG_FORMAT=json
USER 65532:65532
EXPOSE 8085
VOLUME /work
ENTRYPOINT ["/usr/local/bin/playback-service"]
