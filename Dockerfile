# The engine of `riverguard run`. Build: docker build -t riverguard:0.1.0 .
# Settings and packs are mounted, state is a volume, secrets come from the environment:
# docs/deploying.md.

FROM python:3.12-slim AS build

WORKDIR /opt/riverguard
COPY requirements/run.txt requirements/run.txt
# wheels only: a package that would have to be compiled stops the build, the image has no compiler
RUN python -m venv .venv \
    && .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements/run.txt

COPY models models
COPY config config
COPY connectors connectors
COPY dataflows dataflows
COPY cli cli
COPY riverguard LICENSE ./
# The container's user may not write beside the code, so byte code is made here too.
RUN .venv/bin/python -m compileall -q models config connectors dataflows cli
# Kernels are compiled now, so that a container starts warm. Their cache belongs to this path, this
# Python and this processor: a container on another kind of processor compiles anew at its start,
# which takes about a minute, and again in every new container. Build on the kind you run on, or
# keep /var/cache/riverguard in a volume.
ENV XDG_CACHE_HOME=/var/cache/riverguard
RUN .venv/bin/python -m cli.kernels


FROM python:3.12-slim

# a fixed number, so that the owner of a shared state directory is the same on every host
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin riverguard \
    && install -d -o riverguard -g riverguard -m 0700 /var/lib/riverguard
WORKDIR /opt/riverguard
COPY --from=build /opt/riverguard /opt/riverguard
# numba reads its cache only where it may also write
COPY --from=build --chown=riverguard:riverguard /var/cache/riverguard /var/cache/riverguard
ENV XDG_CACHE_HOME=/var/cache/riverguard \
    PYTHONUNBUFFERED=1
USER riverguard

# SIGTERM ends the input, commits and exits 0; processes get 30 s for it, so give the container
# more: docker stop --time 45. Start it with --init (compose: init: true), else a signal that comes
# while Python is still starting is not heard.
STOPSIGNAL SIGTERM
# A hung engine writes no state. The seconds must be more than twice the setting commit_every.
HEALTHCHECK --interval=15s --timeout=10s --start-period=180s --retries=3 \
    CMD ["/opt/riverguard/.venv/bin/python", "-m", "cli.health", "/var/lib/riverguard", "60"]
ENTRYPOINT ["/opt/riverguard/riverguard"]
CMD ["run", "-c", "/config/riverguard.yaml"]
