# The sidecar's listeners stay on loopback: run this image in the network namespace of the shop (a container of the same
# pod, or `network_mode: "service:shop"` in compose), never behind a published port. See examples/deploy/.
ARG BUILD_IMAGE=rust:1.95-slim-bookworm
# The C library and time zones: no shell, no package manager. The images with the compiler's library bring OpenSSL as well.
ARG RUN_IMAGE=gcr.io/distroless/base-nossl-debian12

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY src src
COPY config config
# Cargo.toml names a benchmark, which has to be there.
COPY benches benches
RUN cargo build --release --locked

FROM ${RUN_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="qfpay-sidecar" \
      org.opencontainers.image.description="Signs QFPay API calls on localhost, so that no shop has to hold the client_key" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /usr/lib/*-linux-gnu/libgcc_s.so.1 /usr/lib/
COPY --from=build /src/target/release/qfpay-sidecar /usr/local/bin/qfpay-sidecar
COPY config /etc/qfpay-sidecar/config
# NAME.toml is read from here. Not the sandbox: a container whose settings were forgotten must fail, not approve payments
# that nobody made. A variable, so that the health check asks the port that this environment names.
ENV QFPAY_SIDECAR_CONFIG_DIR=/etc/qfpay-sidecar/config QFPAY_SIDECAR_ENV=production
# A number, so that kubernetes can check runAsNonRoot.
USER 65532:65532
# For people; nothing outside of the shared network namespace reaches them.
EXPOSE 8787 8788
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/usr/local/bin/qfpay-sidecar", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/qfpay-sidecar"]
CMD ["run"]
