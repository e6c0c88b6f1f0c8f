# One image for the migration, the web processes and the workers; see compose.yaml.
FROM python:3.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/mobile-units
ENV PATH=/opt/mobile-units/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock ./
RUN pip install --only-binary :all: --require-hashes -r requirements.lock
COPY pyproject.toml README.md wsgi.py ./
COPY mobile_units mobile_units
COPY routes routes
COPY schemas schemas
RUN pip install --no-deps --no-build-isolation --no-index .
# The planner's search is compiled once; NUMBA_CPU_NAME makes the result fit every machine of the architecture.
ENV NUMBA_CPU_NAME=generic
RUN cd / && python -c "from mobile_units.planning.solver import ready; ready()"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home mobile-units
COPY --from=build /opt/mobile-units /opt/mobile-units
ENV PATH=/opt/mobile-units/bin:$PATH PYTHONUNBUFFERED=1 NUMBA_CPU_NAME=generic
USER mobile-units
WORKDIR /home/mobile-units
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["mobile-units", "serve", "--host", "0.0.0.0"]
