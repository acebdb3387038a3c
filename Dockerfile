# One image per Airbyte connector, and one for the synchronisation itself:
#   docker build --build-arg CONNECTOR_NAME=source-sage100 --tag sage100-ssm/source-sage100:0.1.0 .
#   docker build --target sync --tag sage100-ssm/sync:0.1.0 .
# Microsoft's ODBC driver may not be redistributed: deploy/drivers/README.md says how to add it.
# hadolint global ignore=DL3066 # Airbyte's base image and platform use the user's name
# The digest of the base image goes behind its tag, here alone (docs/airbyte.md, Images); `make metadata` takes it from here.
ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.1
ARG CONNECTOR_NAME=no-connector

FROM ${BASE_IMAGE} AS wheel
# hadolint ignore=DL3002
USER root
WORKDIR /build
COPY . .
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --constraint constraints.txt hatchling \
    && /opt/build/bin/pip wheel --no-cache-dir --no-build-isolation --no-deps --wheel-dir dist .

FROM wheel AS connectors
RUN python -m venv --without-pip /opt/sage100-ssm \
    && /opt/build/bin/pip --python /opt/sage100-ssm/bin/python install --no-cache-dir --constraint constraints.txt \
        "$(ls dist/*.whl)[s3]" \
    && /opt/build/bin/pip --python /opt/sage100-ssm/bin/python uninstall --yes --requirement deploy/never-imported.txt

FROM wheel AS contact-sync
RUN python -m venv --without-pip /opt/sage100-ssm \
    && /opt/build/bin/pip --python /opt/sage100-ssm/bin/python install --no-cache-dir --constraint constraints.txt \
        "$(ls dist/*.whl)[contact-sync]" \
    && /opt/build/bin/pip --python /opt/sage100-ssm/bin/python uninstall --yes --requirement deploy/never-imported.txt

FROM wheel AS flow
RUN python -m venv --without-pip /opt/sage100-ssm \
    && /opt/build/bin/pip --python /opt/sage100-ssm/bin/python install --no-cache-dir --constraint constraints.txt \
        "$(ls dist/*.whl)[flow,postgresql]"

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
# Object storage is reached by the same certificates as everything else.
ENV AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
# Messages must be written at once, to a pipe too. No telemetry from customers' machines.
ENV PATH=/opt/sage100-ssm/bin:$PATH PYTHONUNBUFFERED=1 DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false

FROM runtime AS sync
COPY --from=flow /opt/sage100-ssm /opt/sage100-ssm
RUN install --directory --owner airbyte /var/lib/sage100-ssm
WORKDIR /var/lib/sage100-ssm
VOLUME /var/lib/sage100-ssm
ENV PREFECT_HOME=/var/lib/sage100-ssm/prefect
USER airbyte
ENTRYPOINT ["sage100-ssm"]
CMD ["serve", "--config", "/etc/sage100-ssm/sync.yaml"]

# What is installed for which connector: four have the same, and share its layer.
FROM connectors AS for-no-connector
FROM connectors AS for-source-sage100
FROM connectors AS for-source-ssm
FROM connectors AS for-destination-sage100
FROM connectors AS for-destination-ssm
FROM contact-sync AS for-source-contact-sync
# hadolint ignore=DL3006
FROM for-${CONNECTOR_NAME} AS installed

FROM runtime AS connector
COPY --from=installed /opt/sage100-ssm /opt/sage100-ssm
ARG CONNECTOR_NAME
ARG VERSION=0.1.0
LABEL io.airbyte.name=sage100-ssm/${CONNECTOR_NAME} io.airbyte.version=${VERSION}
# What the labels say is what is installed.
RUN { test -x "/opt/sage100-ssm/bin/${CONNECTOR_NAME}" || { echo "CONNECTOR_NAME must \
name one: source-sage100, source-ssm, source-contact-sync, destination-sage100, destination-ssm"; exit 1; }; } \
    && ls -d /opt/sage100-ssm/lib/python3.*/site-packages/sage100_ssm-"${VERSION}".dist-info \
    && ln --symbolic "/opt/sage100-ssm/bin/${CONNECTOR_NAME}" /airbyte/connector
ENV AIRBYTE_ENTRYPOINT=/airbyte/connector
WORKDIR /airbyte
USER airbyte
ENTRYPOINT ["/airbyte/connector"]
