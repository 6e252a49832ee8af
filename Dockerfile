# Builds the image that docker-compose.yml runs in every role.
FROM python:3.11-slim

# A number that does not move: .secrets/pgpass belongs to it.
RUN useradd --uid 10001 --create-home --home-dir /var/lib/hub --shell /usr/sbin/nologin hub
# A volume takes the owner of what it is mounted over.
RUN install --directory --owner=hub --mode=0700 /var/lib/hub/media
WORKDIR /opt/hub
COPY requirements.lock build.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY connectors connectors
COPY handlers handlers
COPY hub hub
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
USER hub
CMD ["hub", "run"]
