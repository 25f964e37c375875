# Built by `make image`, or with Airbyte's own tool: airbyte-cdk image build --dockerfile Dockerfile
ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6

FROM ${BASE_IMAGE} AS builder
USER root
WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# An environment of its own: the base image brings packages in versions of their own.
RUN python -m venv --without-pip /opt/source-amplitude && python -m venv tools
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN tools/bin/python -m pip --python /opt/source-amplitude/bin/python install --no-deps --require-hashes -r requirements/runtime.txt \
    && tools/bin/python -m pip install --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY source_amplitude source_amplitude
COPY pyspark_amplitude.py ./
RUN tools/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && tools/bin/python -m pip --python /opt/source-amplitude/bin/python install --no-deps dist/*.whl

FROM ${BASE_IMAGE}
LABEL io.airbyte.name=source-amplitude \
      io.airbyte.version=0.2.0
COPY --from=builder /opt/source-amplitude /opt/source-amplitude
WORKDIR /airbyte/integration_code
USER airbyte
ENV AIRBYTE_ENTRYPOINT=/opt/source-amplitude/bin/source-amplitude
ENTRYPOINT ["/opt/source-amplitude/bin/source-amplitude"]
