"""The async reward client. `RewardClient` is the whole of it for a caller; the modules beside it are its parts."""

from reward_servers.client.reward_client import Judged, RewardClient
from reward_servers.client.settings import ClientSettings, Reason

__all__ = ["ClientSettings", "Judged", "Reason", "RewardClient"]
