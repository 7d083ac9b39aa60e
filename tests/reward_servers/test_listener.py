"""A port that two servers want: whoever comes second is told in a sentence, before or after it has loaded what it serves."""

import asyncio

import pytest
import uvicorn

from code_reward.errors import ConfigurationError
from reward_servers.listener import Server, bind


def test_a_port_that_somebody_listens_on_is_refused_at_once(unused_tcp_port):
    with bind("127.0.0.1", unused_tcp_port) as first:
        first.listen()
        with pytest.raises(ConfigurationError, match=f"Cannot listen on 127.0.0.1:{unused_tcp_port}"):
            bind("127.0.0.1", unused_tcp_port)


def test_of_two_that_bound_it_while_loading_the_second_is_told_when_it_wants_to_listen(unused_tcp_port):
    with bind("127.0.0.1", unused_tcp_port) as first, bind("127.0.0.1", unused_tcp_port) as second:
        first.listen()
        server = Server(uvicorn.Config(lambda *_: None, log_level="critical"))
        with pytest.raises(ConfigurationError, match=r"Cannot listen on 127\.0\.0\.1:\d+ .*choose another --port"):
            asyncio.run(server.serve([second]))
