"""What ``prefect.yaml`` deploys, loaded by its path: a sync of an Airbyte connection as a Prefect flow run."""

from sage100_ssm.orchestration.airbyte_flow import airbyte_sync

__all__ = ["airbyte_sync"]
