"""Measure queries, edits, crawls and memory, from 1,000 to 100,000 chunks and over 10,000 files.

    python -m bench.retrieval.speed queries --out bench/results/retrieval/queries.json
    python -m bench.retrieval.speed crawl --files 10000 --out bench/results/retrieval/crawl.json
    python -m bench.retrieval.speed sizes --out bench/results/retrieval/sizes.json
    python -m bench.retrieval.speed keystrokes --files 10000 --out bench/results/retrieval/keystrokes.json

Only ratios within one run mean something on a shared machine; medians and p95 are in milliseconds.
"""

from __future__ import annotations

import random
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from bench.command import finish, parser_of
from bench.retrieval.token_counts import count_all
from bench.retrieval.workspaces import build, sources
from rank_bm25 import BM25Okapi

from infill_ls.measuring.intervals import p95
from infill_retrieval import Query, RetrievalSettings
from infill_retrieval.crawling.crawl import crawl_here
from infill_retrieval.files.sources import is_generated, read_source
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.searching.query import search_query

SIZES = (1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000)
QUERIES = 200
EDITS = 40
REFERENCE_QUERIES = 3
KEYS = 5
"""Typed at each place, after the first query there."""
KILOBYTES = (2, 4, 8, 16, 32)
FILES_OF_A_SIZE = 300
KEYSTROKES = 500
KEYSTROKE_PAUSE_S = 0.03


def main() -> None:
    """Run one of the measures."""
    parser = parser_of(__doc__)
    parser.add_argument("measure", choices=["queries", "crawl", "sizes", "keystrokes"])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        if options.measure == "queries":
            result = measure_queries(place, options.sizes)
        elif options.measure == "crawl":
            result = measure_crawls(place, options.files)
        elif options.measure == "sizes":
            result = measure_sizes(place)
        else:
            result = measure_keystrokes(place, options.files)
    run = {"measure": options.measure}
    finish(options.out, "speed", run=run, figures=result)


def measure_queries(place: Path, sizes: Sequence[int]) -> dict[str, object]:
    """Measure queries and edits in one index that grows; the corpus is installed Python packages."""
    chooser = random.Random(1)
    paths = sources(10**6)
    chooser.shuffle(paths)
    workspace = build(place / "work", 0)
    index = WorkspaceIndex([workspace], RetrievalSettings(crawl_in_process=False))
    rows = []
    used = 0
    for size in sorted(sizes):
        while index.chunk_count < size:
            added = []
            for path in paths[used : used + 20]:
                target = workspace / f"p{used % 50}" / f"{used}_{path.name}"
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(path.read_bytes())
                added.append(target)
                used += 1
            index.files_changed(added)
        places = _places(chooser, paths[used : used + 200], workspace)
        rows.append({"chunks": index.chunk_count, "files": index.file_count}
                    | _query_row(index, places) | _edit_row(index, workspace, chooser))  # fmt: skip
        print(rows[-1], flush=True)
    return {"rows": rows}


def _places(chooser: random.Random, paths: Sequence[Path], workspace: Path) -> list[Query]:
    """Return places in files that the index does not have."""
    places = []
    for path in paths:
        text = read_source(str(path), 400_000) or ""
        if len(text) > 500:
            offset = chooser.randrange(200, len(text) - 100)
            target = workspace / "new" / path.name
            places.append(
                Query(path=str(target), language_id="", prefix=text[:offset], suffix=text[offset:])
            )
    return places[:QUERIES]


def _query_row(index: WorkspaceIndex, places: Sequence[Query]) -> dict[str, float]:
    place_ms: list[float] = []
    key_ms: list[float] = []
    rank_ms, terms = [], []
    for query in places:
        index.prepare(query)  # is done once for a file
        for typed in range(KEYS + 1):
            place = len(query.prefix) + typed
            text = query.prefix + query.suffix
            at = Query(path=query.path, language_id="", prefix=text[:place], suffix=text[place:])
            started = time.perf_counter()
            index.retrieve(at, 512, count_all)
            (key_ms if typed else place_ms).append((time.perf_counter() - started) * 1000)
        searched = search_query(query).terms
        terms.append(len(searched))
        started = time.perf_counter()
        index.corpus.windows.rank(searched).top(48)
        rank_ms.append((time.perf_counter() - started) * 1000)
    row = _spread("new_place", place_ms) | _spread("key", key_ms) | _spread("query", rank_ms)
    row["query_terms_median"] = statistics.median(terms)
    okapi = BM25Okapi([[*bag.keys()] for bag in index.corpus.windows.doc_freqs])
    reference_ms, sixty_ms = [], []
    for query in places[:REFERENCE_QUERIES]:
        words = (list(search_query(query).terms) * 60)[:60]
        started = time.perf_counter()
        okapi.get_scores(words)
        reference_ms.append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        index.corpus.windows.get_scores(words)
        sixty_ms.append((time.perf_counter() - started) * 1000)
    row["rank_bm25_60_words_ms"] = round(statistics.median(reference_ms), 2)
    row["ours_60_words_ms"] = round(statistics.median(sixty_ms), 2)
    row["times_faster"] = round(row["rank_bm25_60_words_ms"] / row["ours_60_words_ms"], 1)
    return row


def _edit_row(index: WorkspaceIndex, workspace: Path, chooser: random.Random) -> dict[str, float]:
    """Time from a change of a buffer to its being found."""
    paths = [path for path in sorted(workspace.rglob("*.py")) if _is_edited_by_hand(path)]
    edit_ms = []
    for number in range(EDITS):
        path = chooser.choice(paths)
        name = f"zebra_{index.chunk_count}_{number}"
        text = (read_source(str(path), 400_000) or "") + f"\ndef {name}(quagga): ...\n"
        query = Query(
            path=str(workspace / "new" / "x.py"), language_id="", prefix=f"{name}", suffix=""
        )
        started = time.perf_counter()
        index.open_buffer(path, text)
        index.settle()
        edit_ms.append((time.perf_counter() - started) * 1000)
        found = index.retrieve(query, 512, count_all)
        assert any(name in snippet.text for snippet in found.snippets)
        index.close_buffer(path)
        index.settle()
    return _spread("edit", edit_ms)


def _is_edited_by_hand(path: Path) -> bool:
    """Return whether a file is small enough to be edited, and indexed at all."""
    text = read_source(str(path), 30_000)
    return text is not None and not is_generated(str(path), text)


def measure_crawls(place: Path, files: int) -> dict[str, object]:
    """Measure a first and a second start, with a grammar and without, each in a process of its own."""
    rows: dict[str, object] = {}
    for name, suffix in (("with_grammar", ".py"), ("without_grammar", ".md")):
        workspace = build(place / name, files)
        if suffix != ".py":
            for path in list(workspace.rglob("*.py")):
                path.rename(path.with_suffix(suffix))
        settings = RetrievalSettings(cache_folder=place / f"{name}-cache")
        # A cache trusts no file that changed in the last two seconds.
        time.sleep(2.1)
        row: dict[str, float] = {"source_megabytes": _megabytes(workspace)}
        for start in ("first", "second"):
            index = WorkspaceIndex([workspace], settings)
            meter = _Memory()
            started = time.perf_counter()
            children = resource.getrusage(resource.RUSAGE_CHILDREN)
            index.crawl()
            seconds = time.perf_counter() - started
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
            row |= {
                f"{start}_seconds": round(seconds, 2),
                f"{start}_files_per_second": round(index.file_count / seconds),
                f"{start}_crawler_cpu_seconds": round(cpu, 2),
                f"{start}_peak_rss_megabytes": meter.stop(),
                "files": index.file_count,
                "chunks": index.chunk_count,
            }
            index.close()
            del index
        rows[name] = row
        print(name, row, flush=True)
    return rows


def measure_sizes(place: Path) -> dict[str, object]:
    """Files a second of one process, by the size of the files; the curve behind the crawl."""
    rows = []
    by_size = sorted((path.stat().st_size, path) for path in sources(10**6))
    for kilobytes in KILOBYTES:
        near = sorted(by_size, key=lambda pair: abs(pair[0] - kilobytes * 1000))[:FILES_OF_A_SIZE]
        row: dict[str, float] = {
            "files": len(near),
            "median_bytes": statistics.median(size for size, _ in near),
        }
        for name, suffix in (("with_grammar", ".py"), ("without_grammar", ".md")):
            workspace = build(place / f"{name}-{kilobytes}", 0)
            for number, (_, path) in enumerate(near):
                (workspace / f"{number}{suffix}").write_bytes(path.read_bytes())
            times = []
            for _ in range(3):
                started = time.process_time()
                for _ in crawl_here(workspace, RetrievalSettings()):
                    pass
                times.append(time.process_time() - started)
            row[f"{name}_files_per_cpu_second"] = round(len(near) / statistics.median(times))
        rows.append(row)
        print(row, flush=True)
    return {"rows": rows}


def _megabytes(folder: Path) -> float:
    return round(sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6, 1)


class _Memory:
    """The most memory that this process has, sampled."""

    def __init__(self) -> None:
        self._peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._done.wait(0.05):
            self._peak = max(self._peak, process.memory_info().rss)

    def stop(self) -> int:
        self._done.set()
        self._thread.join()
        return round(self._peak / 1e6)


def measure_keystrokes(place: Path, files: int) -> dict[str, object]:
    """Latency of a keystroke's work alone, during a crawl in a process and in a thread."""
    workspace = build(place / "work", files)
    small = build(place / "small", 200)
    rows: dict[str, Any] = {}
    text = read_source(str(sorted(small.rglob("*.py"))[3]), 400_000) or ""
    for name, in_process in (("idle", None), ("process", True), ("thread", False)):
        settings = RetrievalSettings(
            crawl_in_process=bool(in_process), cache_folder=place / f"{name}-cache"
        )
        index = WorkspaceIndex([small], settings)
        index.crawl()
        index.set_folders([small, workspace])
        stop = threading.Event()
        crawler = threading.Thread(target=index.crawl, kwargs={"stop": stop})
        if in_process is not None:
            crawler.start()
        type_key = _typist(index, small / "new.py", text)
        latencies_ms = []
        for _ in range(KEYSTROKES):
            time.sleep(KEYSTROKE_PAUSE_S)
            started = time.perf_counter()
            type_key()
            latencies_ms.append((time.perf_counter() - started) * 1000)
        rows[name] = _spread("keystroke", latencies_ms)
        rows[name]["files_after"] = index.file_count
        stop.set()
        if in_process is not None:
            crawler.join()
        index.close()
    for name in ("process", "thread"):
        grown = rows[name]["keystroke_p95_ms"] - rows["idle"]["keystroke_p95_ms"]
        rows[name]["p95_grows_by_ms"] = round(grown, 2)
    return rows


def _typist(index: WorkspaceIndex, path: Path, text: str) -> Callable[[], None]:
    """Return a function that types one more character and retrieves for it."""
    place = [len(text) // 2]

    def type_key() -> None:
        place[0] += 1
        index.open_buffer(path, text[: place[0]] + text[place[0] + 1 :])
        query = Query(
            path=str(path), language_id="", prefix=text[: place[0]], suffix=text[place[0] + 1 :]
        )
        index.retrieve(query, 512, count_all)

    return type_key


def _spread(name: str, values_ms: Sequence[float]) -> dict[str, float]:
    return {
        f"{name}_median_ms": round(statistics.median(values_ms), 2),
        f"{name}_p95_ms": round(p95(values_ms), 2),
    }


if __name__ == "__main__":
    main()
