"""Every environment variable, once. Read by entry points only: assembly.py for the processes, stack/."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, Field, FilePath, Json, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.contact import Contact
from domain.developer import HOST_ENDING

# Where a container finds files with secrets: each is named as its variable, in small letters.
_SECRETS: Final = Path("/run/secrets")
# A host without a port; ``*.name`` is every name under it.
HostName = Annotated[str, Field(pattern=r"^((\*\.)?[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])$")]


class KeyRing(BaseModel):
    """A ring of AES-256 keys, base64; ``current`` seals, every listed one opens."""

    current: str
    keys: dict[str, SecretStr]


class Settings(BaseSettings):
    """What a process of Amanat needs from its environment; see docs/configuration.md."""

    model_config = SettingsConfigDict(
        env_prefix="AMANAT_",
        extra="ignore",
        populate_by_name=True,
        # What is wrong in a ring or an address is told without the half of it.
        hide_input_in_errors=True,
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    database_url: Annotated[SecretStr, Field(alias="DATABASE_URL")]
    vault_database_url: Annotated[SecretStr, Field(alias="VAULT_DATABASE_URL")]
    temporal_address: Annotated[str, Field(alias="TEMPORAL_ADDRESS")] = "127.0.0.1:7233"
    temporal_namespace: Annotated[str, Field(alias="TEMPORAL_NAMESPACE")] = "amanat"
    temporal_ca: Annotated[FilePath | None, Field(alias="TEMPORAL_TLS_SERVER_CA_CERT_PATH")] = None
    temporal_certificate: Annotated[FilePath | None, Field(alias="TEMPORAL_TLS_CLIENT_CERT_PATH")] = None
    temporal_key: Annotated[FilePath | None, Field(alias="TEMPORAL_TLS_CLIENT_KEY_PATH")] = None
    temporal_name: Annotated[str | None, Field(alias="TEMPORAL_TLS_SERVER_NAME")] = None
    temporal_ui: str = ""
    field_keys: Json[KeyRing]
    codec_keys: Json[KeyRing]
    vault_keys: Json[KeyRing]
    vault_directory: Path
    blind_index_key: SecretStr
    code_pepper: SecretStr
    api_host: str = "127.0.0.1"
    api_port: int = 8080
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9464
    files_url: str = "memory:///"
    local_messages: str = ""
    local_bank: str = ""
    sms_provider: Literal["local", "kavenegar", "smsir"] = "local"
    sms_api_key: SecretStr = SecretStr("")
    sms_templates: dict[str, Any] = Field(default_factory=dict)
    mail_provider: Literal["local", "smtp", "none"] = "local"
    mail_host: str = ""
    mail_port: Annotated[int, Field(ge=1, le=65_535)] = 465
    mail_security: Literal["tls", "starttls", "plain"] = "tls"
    mail_user: str = ""
    mail_password: SecretStr = SecretStr("")
    mail_from: str = ""
    mail_name: str = "امانت"
    mobile_registry_provider: Literal["local", "uid"] = "local"
    mobile_registry_business_id: str = ""
    mobile_registry_token: SecretStr = SecretStr("")
    account_registry_provider: Literal["local", "finnotech"] = "local"
    account_registry_client_id: str = ""
    account_registry_national_id: str = ""
    account_registry_secret: SecretStr = SecretStr("")
    account_registry_url: Annotated[str, Field(pattern="^https://")] = "https://api.finnotech.ir"
    payment_gateways: list[str] = Field(default_factory=list)
    zarinpal_merchant_id: SecretStr = SecretStr("")
    zarinpal_access_token: SecretStr = SecretStr("")
    zarinpal_terminal_id: str = ""
    zarinpal_base: Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+$")] = "https://payment.zarinpal.com"
    zibal_merchant: SecretStr = SecretStr("")
    stand_alone: bool = False
    allowed_hosts: list[HostName] = Field(default_factory=lambda: ["localhost", "127.0.0.1", "[::1]"])
    allowed_origins: list[str] = Field(default_factory=list)
    trusted_proxies: str = "127.0.0.1"
    app_link: str = "https://amanat.example/app"
    training_link: str = "https://amanat.example/training"
    contact: Contact | None = None
    database_pool: int = Field(default=20, ge=4, le=200)
    outside_per_second: float = Field(default=20, gt=0)
    provider_at_once: int = Field(default=4, ge=1, le=11)
    log_level: str = "INFO"

    @property
    def hosts(self) -> list[str]:
        """Every name that may stand in ``Host``: a stand-alone stack has one for each invented person besides."""
        invented = [f"*{HOST_ENDING}"] if self.stand_alone else []
        return [*self.allowed_hosts, self.api_host, *invented]

    @field_validator("database_url", "vault_database_url")
    @classmethod
    def _psycopg_driver(cls, url: SecretStr) -> SecretStr:
        """Accept the plain ``postgresql://`` that hosters hand out."""
        scheme, separator, rest = url.get_secret_value().partition("://")
        if scheme in {"postgres", "postgresql"}:
            scheme = "postgresql+psycopg"
        return SecretStr(scheme + separator + rest)

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.temporal_certificate is None) != (self.temporal_key is None):
            raise ValueError("TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH belong together")
        return self
