"""A good take passes, and every other is kept out with the metric and its limit."""

from __future__ import annotations

import hashlib

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from provenance.domain import audio, canonical
from provenance.domain.audio import FULL_SCALE, Deviation, Gauge, Limit, QualityReport, Samples, judge
from provenance.domain.loudness import FLOOR_DB, Loudness
from provenance.errors import Invalid

RATE = 8_000


def integers(x: NDArray[np.float64]) -> Samples:
    shaped = x if x.ndim == 2 else x[:, None]
    return np.clip(np.rint(shaped * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int32)


def words(seconds: float = 6.0, *, seed: int = 1, gain: float = 0.2, rate: int = RATE) -> NDArray[np.float64]:
    """Something like speech: voiced words of uneven length and pitch, pauses of faint noise between."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate)
    out = rng.normal(0, 10 ** (-75 / 20), count)
    at = int(0.1 * rate)
    while at < count:
        length = int(rng.uniform(0.15, 0.5) * rate)
        t = np.arange(min(length, count - at)) / rate
        pitch = rng.uniform(90, 220)
        voice = sum(np.sin(2 * np.pi * pitch * k * t * (1 + 0.02 * t)) / k for k in range(1, 9))
        out[at : at + len(t)] += gain * rng.uniform(0.4, 1.0) * voice * np.sin(np.pi * np.arange(len(t)) / length)
        at += length + int(rng.uniform(0.05, 0.35) * rate)
    return out


def noise(level_db: float, seconds: float = 6.0, seed: int = 2) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, 10 ** (level_db / 20), int(seconds * RATE))


def found(x: NDArray[np.float64], rate: int = RATE) -> dict[str, str]:
    return {finding.metric: finding.verdict for finding in judge(integers(x), rate).findings}


def test_a_good_take_passes_with_every_metric_inside_its_limits() -> None:
    report = judge(integers(words()), RATE)
    assert (report.verdict, report.findings) == ("pass", ())
    assert (report.duration_ms, report.sample_rate, report.channels) == (6_000, RATE, 1)
    assert -80_000 < report.noise_floor_milli_db < -70_000
    assert report.loop_ppm < 800_000


@pytest.mark.parametrize(
    ("x", "metric", "verdict"),
    [
        (np.zeros(6 * RATE), "loudnessMilliDb", "reject"),
        (np.zeros(6 * RATE), "silentPpm", "reject"),
        (noise(-20), "noiseFloorMilliDb", "reject"),
        (noise(-48), "snrMilliDb", "reject"),
        (words() + noise(-40), "noiseFloorMilliDb", "reject"),
        (np.clip(words() * 20, -1, 1), "clippedPpm", "reject"),
        (words() * 0.01, "loudnessMilliDb", "reject"),
        (np.tile(words(2.0), 3), "loopPpm", "reject"),
        (np.tile(words(1.5), 4) + noise(-70), "loopPpm", "reject"),
        (np.concatenate((words(1.0), np.zeros(5 * RATE))), "silentPpm", "reject"),
        (words(0.249), "durationMs", "reject"),
        (np.sin(np.arange(6 * RATE) * 0.3) * 0.2, "noiseFloorMilliDb", "reject"),
    ],
)
def test_a_bad_take_is_refused_with_its_metric(x: NDArray[np.float64], metric: str, verdict: str) -> None:
    assert found(x)[metric] == verdict
    assert judge(integers(x), RATE).verdict == "reject"


def test_what_is_a_little_off_is_heard_first() -> None:
    take = words()
    level = judge(integers(take), RATE).loudness_milli_db
    quiet, loud = take * 10 ** ((-43_500 - level) / 20_000), take * 10 ** ((-10_500 - level) / 20_000)
    assert found(quiet) == {"loudnessMilliDb": "review"}
    assert found(loud)["loudnessMilliDb"] == "review"
    few = integers(take)
    few[:20, 0] = FULL_SCALE - 1
    assert {f.metric: f.verdict for f in judge(few, RATE).findings} == {"clippedPpm": "review"}


def test_a_rate_below_8_khz_is_refused() -> None:
    assert found(words(rate=7_999), 7_999)["sampleRate"] == "reject"
    assert "sampleRate" not in found(words(), 8_000)


@pytest.mark.parametrize("edge", [250, 4 * 3_600_000])
def test_the_limits_of_the_first_gate_are_those_that_were_published(edge: int) -> None:
    limits = {limit.metric: limit for limit in audio.LIMITS[1]}
    assert limits["durationMs"].judge(edge) is None
    assert limits["durationMs"].judge(edge + (1 if edge > 250 else -1)) is not None
    assert limits["loudnessMilliDb"] == Limit("loudnessMilliDb", -45_000, -9_000, -42_000, -12_000)
    assert (limits["clippedPpm"].high, limits["clippedPpm"].review_high) == (1_000, 100)
    assert (limits["silentPpm"].high, limits["noiseFloorMilliDb"].high) == (700_000, -45_000)
    assert limits["sampleRate"].low == 8_000


@pytest.mark.parametrize(
    ("metric", "value", "told"),
    [
        ("durationMs", 249, "length 0.249 s is below 0.25 s"),
        ("durationMs", 18_000_000, "length 18000 s is above 14400 s"),
        ("sampleRate", 7_999, "sample rate 7999 Hz is below 8000 Hz"),
        ("loudnessMilliDb", -8_997, "loudness -8.9 LUFS is above -9 LUFS"),
        ("loudnessMilliDb", -43_214, "loudness -43.3 LUFS is below -42 LUFS"),
        ("silentPpm", 712_345, "silence 71.3 % is above 70 %"),
        ("noiseFloorMilliDb", -44_999, "noise floor -44.9 dBFS is above -45 dBFS"),
        ("snrMilliDb", 5_999, "signal above noise 5.9 dB is below 6 dB"),
        ("loopPpm", 950_001, "repetition 95.1 % is above 95 %"),
    ],
)
def test_a_finding_is_told_in_words_and_in_units_that_people_use(metric: str, value: int, told: str) -> None:
    (limit,) = (one for one in audio.LIMITS[1] if one.metric == metric)
    assert str(limit.judge(value)) == told


def test_every_metric_with_a_limit_can_be_told() -> None:
    for limit in (one for limits in audio.LIMITS.values() for one in limits):
        assert "Ppm" not in str(Deviation(limit.metric, 1, 2, "reject"))


def test_a_finding_says_the_metric_the_value_and_the_limit() -> None:
    finding = Limit("clippedPpm", high=1_000, review_high=100).judge(1_001)
    assert finding is not None
    assert (str(finding), finding.verdict) == ("clipping 0.101 % is above 0.1 %", "reject")
    review = Limit("clippedPpm", high=1_000, review_high=100).judge(1_000)
    assert review is not None
    assert (review.limit, review.verdict) == (100, "review")


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_loudness_is_what_pyloudnorm_measures(rate: int, channels: int) -> None:
    x = np.stack([words(5.0, seed=seed, rate=rate) for seed in range(channels)], axis=1)
    gauge = Loudness(rate, channels)
    for at in range(0, len(x), 12_345):
        gauge.add(x[at : at + 12_345])
    assert gauge.lufs() == pytest.approx(pyloudnorm.Meter(rate).integrated_loudness(x), abs=0.1)


def test_loudness_below_one_block_is_the_floor_and_rms_stands_in_for_it() -> None:
    assert Loudness(RATE, 1).lufs() == FLOOR_DB
    short = np.full((int(0.3 * RATE), 1), 0.1)
    report = judge(integers(short), RATE)
    assert report.loudness_milli_db == report.rms_milli_db == -20_000
    longer = judge(integers(np.full((int(0.4 * RATE), 1), 0.1)), RATE)
    assert longer.loudness_milli_db != longer.rms_milli_db


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 20_000), max_size=6), st.integers(1, 2))
def test_the_report_does_not_depend_on_how_the_take_was_cut(cuts: list[int], channels: int) -> None:
    x = integers(np.stack([words(3.0, seed=seed) for seed in range(channels)], axis=1))
    gauge, at = Gauge(RATE, channels), 0
    for cut in [*cuts, len(x)]:
        gauge.add(x[at : at + cut])
        at += cut
    whole = Gauge(RATE, channels)
    whole.add(x)
    assert gauge.report() == whole.report()
    assert gauge.pcm_digest() == whole.pcm_digest()


def test_the_digest_is_of_rate_channels_and_samples() -> None:
    x = integers(words(0.5))
    gauge = Gauge(RATE, 1)
    gauge.add(x)
    raw = b"PCM1" + RATE.to_bytes(4, "big") + (1).to_bytes(4, "big") + x.astype("<i4").tobytes()
    assert gauge.pcm_digest() == hashlib.sha256(raw).digest()


def test_a_report_is_integers_that_anyone_can_hash_again() -> None:
    report = judge(integers(words()), RATE)
    fields = report.to_json()
    assert (fields["verdict"], fields["gateVersion"]) == ("pass", 1)
    assert all(isinstance(value, int | str) for value in fields.values())
    assert report.digest() == hashlib.sha256(canonical.dumps(fields)).digest()


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=4, max_size=8_000), st.sampled_from([8_000, 44_100]), st.integers(1, 8))
def test_no_samples_crash_the_gate(data: bytes, rate: int, channels: int) -> None:
    x = np.frombuffer(data[: len(data) // 4 * 4], dtype="<i4")
    x = x[: len(x) // channels * channels].reshape(-1, channels)
    if len(x):
        assert isinstance(judge(x, rate), QualityReport)


def test_nothing_and_nine_channels_are_no_take() -> None:
    with pytest.raises(Invalid):
        Gauge(RATE, 1).report()
    for channels in (0, 9):
        with pytest.raises(Invalid):
            Gauge(RATE, channels)


def test_a_loop_is_found_at_any_length_and_speech_is_none() -> None:
    for seed in range(4):
        envelope = np.sqrt(np.square(words(8.0, seed=seed)).reshape(-1, RATE // 200).mean(axis=1))
        assert audio.likeness(envelope) < 0.85
        for length in (170, 333, 700):
            assert audio.likeness(np.tile(envelope[20 : 20 + length], 2 + 1000 // length)) > 0.95
    assert audio.likeness(np.ones(2_000)) == 0.0
    assert audio.likeness(np.zeros(2_000)) == 0.0
    assert audio.likeness(np.arange(100.0)) == 0.0
