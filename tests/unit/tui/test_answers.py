"""Answers in several frames: all are awaited, and no more than there are."""

import asyncio

import pytest

from nsview.hosts.frames import SecurityFrame
from nsview.tui.answers import Answers


@pytest.mark.parametrize("dones", [[2], [1, 2], [0, 1, 2], [0]])
async def test_facts_are_awaited_until_the_last_frame(dones: list[int]) -> None:
    """The first too: of none asked yet, none are missing."""
    answers = Answers()
    found: list[int] = []

    async def read() -> None:
        async for facts in answers.facts(7):
            found.append(facts.done)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    for done in dones:
        assert not reading.done()
        answers.take(SecurityFrame(8, 9, 9, (), []))  # another request's
        answers.take(SecurityFrame(7, done, dones[-1], (), []))
        await asyncio.sleep(0)
    await asyncio.wait_for(reading, 5)
    assert found == dones


async def test_the_end_of_the_host_ends_the_waiting() -> None:
    answers = Answers()
    one, several = answers.expect(1), asyncio.create_task(anext(answers.facts(2), None))
    await asyncio.sleep(0)
    answers.drop()
    assert one.cancelled() and await asyncio.wait_for(several, 5) is None
