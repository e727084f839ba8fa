# docker build -t meridian .
# docker run -p 53:53/udp -p 53:53/tcp -v ./config:/etc/meridian:ro -v ./zones:/etc/zones:ro -v meridian:/var/lib/meridian meridian
# In config/meridian.toml: listen = ["0.0.0.0:53", "[::]:53"] under [dns], and data = "/var/lib/meridian" under [node].

FROM rust:1.95-slim-trixie AS build
WORKDIR /build
COPY . .
# What was downloaded and compiled stays for the next build; the program itself leaves the cache.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin meridian \
 && install -m 0755 target/release/meridian /usr/local/bin/meridian

FROM debian:trixie-slim
RUN useradd --system --uid 53053 --no-create-home --shell /usr/sbin/nologin meridian \
 && install -d -o meridian -g meridian -m 0700 /var/lib/meridian
COPY --from=build /usr/local/bin/meridian /usr/bin/meridian
# A number, so that an orchestrator can see that it is not root. Docker lets any user bind port 53 inside a
# container; elsewhere set the sysctl net.ipv4.ip_unprivileged_port_start=53, or listen on a higher port.
USER 53053
VOLUME /var/lib/meridian
EXPOSE 53/udp 53/tcp
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/meridian"]
CMD ["serve", "--config", "/etc/meridian/meridian.toml", "--log-format", "json"]
