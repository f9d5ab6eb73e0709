# The service, without model libraries. docs/serving.md says how to run it.
FROM python:3.13-slim

COPY pyproject.toml README.md LICENSE constraints.txt /src/
COPY registry /src/registry
COPY store /src/store
COPY resolver /src/resolver
RUN python -m venv /opt/hubresolve && /opt/hubresolve/bin/pip install --no-cache-dir --constraint /src/constraints.txt '/src[postgres,prometheus]'

# Nothing but the store can be written by the user that the service runs as.
RUN useradd --system --uid 10001 --home-dir /var/lib/hubresolve --shell /usr/sbin/nologin hubresolve && mkdir -p /var/lib/hubresolve && chown 10001 /var/lib/hubresolve
USER 10001
ENV HUBRESOLVE_STORE=/var/lib/hubresolve/store.sqlite3 HF_HUB_DISABLE_TELEMETRY=1 PYTHONUNBUFFERED=1
VOLUME /var/lib/hubresolve
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s CMD ["/opt/hubresolve/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["/opt/hubresolve/bin/hubresolve", "serve", "--host", "0.0.0.0"]
