# One image per Airbyte connector, and one for the synchronisation itself:
#   docker build --build-arg CONNECTOR=source-sage100 --tag sage100-ssm/source-sage100:0.1.0 .
#   docker build --target sync --tag sage100-ssm/sync:0.1.0 .
# Microsoft's ODBC driver may not be redistributed: deploy/drivers/README.md says how to add it.
# hadolint global ignore=DL3066 # Airbyte's base image and platform use the user's name
ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.1

FROM ${BASE_IMAGE} AS build
# hadolint ignore=DL3002
USER root
WORKDIR /build
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt hatchling \
    && pip wheel --no-cache-dir --no-build-isolation --no-deps --wheel-dir dist . \
    && python -m venv /opt/sage100-ssm \
    && /opt/sage100-ssm/bin/pip install --no-cache-dir --constraint constraints.txt "$(ls dist/*.whl)[s3]"

FROM ${BASE_IMAGE} AS runtime
# hadolint ignore=DL3002
USER root
COPY deploy/drivers/ /tmp/drivers/
COPY deploy/certificates/ /usr/local/share/ca-certificates/
# unixODBC and FreeTDS from Debian, and Microsoft's driver if its package is in deploy/drivers.
# hadolint ignore=DL3008
RUN update-ca-certificates && apt-get update \
    && apt-get install --yes --no-install-recommends unixodbc tdsodbc \
    && if ls /tmp/drivers/*.deb >/dev/null 2>&1; then \
        ACCEPT_EULA=Y apt-get install --yes --no-install-recommends /tmp/drivers/*.deb; \
    fi \
    && rm -rf /var/lib/apt/lists/* /tmp/drivers
COPY --from=build /opt/sage100-ssm /opt/sage100-ssm
# Object storage is reached by the same certificates as everything else.
ENV AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
# Messages must be written at once, to a pipe too. No telemetry from customers' machines.
ENV PATH=/opt/sage100-ssm/bin:$PATH PYTHONUNBUFFERED=1 DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false

FROM runtime AS sync
RUN install --directory --owner airbyte /var/lib/sage100-ssm
WORKDIR /var/lib/sage100-ssm
VOLUME /var/lib/sage100-ssm
ENV PREFECT_HOME=/var/lib/sage100-ssm/prefect
USER airbyte
ENTRYPOINT ["sage100-ssm"]
CMD ["serve", "--config", "/etc/sage100-ssm/sync.yaml"]

FROM runtime AS connector
ARG CONNECTOR
RUN test -x "/opt/sage100-ssm/bin/${CONNECTOR:?name one: source-sage100, source-ssm, destination-sage100, destination-ssm}" \
    && ln --symbolic "/opt/sage100-ssm/bin/${CONNECTOR}" /airbyte/connector
ENV AIRBYTE_ENTRYPOINT=/airbyte/connector
WORKDIR /airbyte
USER airbyte
ENTRYPOINT ["/airbyte/connector"]
