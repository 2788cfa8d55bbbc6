import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.distributed as dist

from nmt import console
from nmt.data.prepare import prepare
from nmt.device import choose_device, choose_dtype
from nmt.errors import RecipeError, RunError, TrainingError
from nmt.run import checkpoint as ckpt
from nmt.train import start as start_module
from nmt.train.parallel import World, choose_shares, meet, together
from nmt.train.trainer import train


def torchrun(folder, *arguments, before="", processes=2, options=()):
    """`nmt ARGUMENTS` in so many processes; `before` is Python that each runs first, `options` are torchrun's."""
    start = f"import os, sys\n{before}\nfrom nmt.cli import main; main()\n"
    (folder / "start.py").write_text(start, encoding="utf-8")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *options,
        str(folder / "start.py"), *map(str, arguments),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def test_two_processes_train_what_one_does(toy_recipe, tmp_path):
    """Without dropout, whose masks depend on how an update is cut, only the order of sums differs. Rank 0 prepares, and
    sets a run that is there aside, for both.
    """
    # See test_trainer's SMOOTH; what SimCut cuts follows from the example, whichever rank reads it
    keys = {"model__dropout": 0.0, "train__adam_eps": 1e-3, "train__max_steps": 6, "train__consistency": "simcut"}
    one, two = (toy_recipe(**keys, train__runs_dir=str(tmp_path / name)) for name in ("one", "two"))
    (tmp_path / "two.yaml").write_text(two.dump(), encoding="utf-8")
    prepare(one)
    train(one, one.prepared_dir, "")
    shutil.copytree(one.run_dir, two.run_dir)
    shutil.rmtree(one.prepared_dir)
    slow = "import atexit; atexit.register(lambda: 'torch._dynamo' in sys.modules and print('torch._dynamo'))"
    done = torchrun(tmp_path, "train", tmp_path / "two.yaml", "--fresh", before=slow)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""  # nor is imported what takes longer than all the rest of a start
    assert done.stderr.count("Prepared ") == 2  # title and last line, of rank 0 alone
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == ["toy", "toy.1"]
    assert (tmp_path / "two/toy.1/checkpoints/step-00000006").is_dir()
    a, b = (ckpt.find_checkpoint(r.run_dir, "last").tensors("train.safetensors") for r in (one, two))
    for name, tensor in a.items():
        if name.startswith("master."):
            torch.testing.assert_close(tensor, b[name], atol=2e-4, rtol=1e-3)


@pytest.mark.slow
def test_ranks_that_see_different_things_stop_and_are_named(toy_recipe, tmp_path):
    recipe = toy_recipe()
    prepare(recipe)
    (tmp_path / "toy.yaml").write_text(recipe.dump(), encoding="utf-8")
    other = "sys.argv += ['seed=2'] if os.environ['RANK'] == '1' else []"
    done = torchrun(tmp_path, "train", tmp_path / "toy.yaml", before=other)
    assert done.returncode != 0
    assert re.search(
        r"^✗ rank 1 \(on .+\) has recipe [0-9a-f]{16}, but rank 0 \(on .+\) has [0-9a-f]{16}\.\n"
        r"  All ranks need the same recipe, prepared data and run folder",
        done.stderr, re.MULTILINE,
    )  # fmt: skip
    assert not recipe.run_dir.exists()


def member(rank, folder, results):
    """A process of a world of two, in which each does what a test wants of it."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    world = World(rank, 2)
    seconds = world.largest([172_800.0 + 0.001 * rank, -5.0])
    said = world.share(f"from {rank}")
    world.check_same({"step": 500, "weights": "abc"})
    try:
        world.check_same({"step": 500 * (1 - rank), "weights": "abc"})
        fault = ""
    except RunError as e:
        fault = e.message
    results.put((rank, seconds, said, fault))


def test_ranks_agree(tmp_path):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=member, args=(rank, tmp_path, results)) for rank in range(2)]
    for process in processes:
        process.start()
    found = sorted(results.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    host = re.escape(socket.gethostname())
    for rank, (number, seconds, said, fault) in enumerate(found):
        assert number == rank
        assert seconds == [172_800.001, -5.0]  # two days and a millisecond: not rounded to sixteenths of a second
        assert said == "from 0"
        assert re.fullmatch(rf"rank 1 \(on {host}\) has step 0, but rank 0 \(on {host}\) has 500\.", fault)


def test_ranks_that_are_started_again_meet_in_a_store_that_knows_the_dead():
    store = dist.HashStore()
    for rank in range(3):
        store.set(f"rank {rank}", f"of the dead {rank}")
    names = []
    for _ in range(2):
        with ThreadPoolExecutor(3) as pool:
            late = [pool.submit(meet, store, World(0, 3))]
            time.sleep(0.1)  # it has answered the dead
            late += [pool.submit(meet, store, World(rank, 3)) for rank in (1, 2)]
            found = {future.result(timeout=60) for future in late}
        assert len(found) == 1
        names += found
    assert names[0] != names[1]


def lost(rank, port, results):
    """Rank 1 of two dies in the middle of it."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": port}
    try:
        with together("cpu") as world:
            world.barrier()
            if rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            world.barrier()
    except TrainingError as e:
        results.put(str(e))


def test_a_rank_whose_peer_dies_says_so_and_ends():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=lost, args=(rank, port, results)) for rank in range(2)]
    for process in processes:
        process.start()
    assert results.get(timeout=120).startswith("the connection to another process is lost: it has ended, or the net")
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, -signal.SIGKILL]


def test_a_rank_without_the_prepared_data_does_not_wait_for_ever(toy_recipe, monkeypatch):
    recipe = toy_recipe()
    monkeypatch.setattr(start_module, "SHOWN_AFTER", 0.0)
    with pytest.raises(RunError, match=r"rank 1 \(on .+\) finds no prepared data in .*, but rank 0 does\.") as refused:
        start_module.check_start(recipe, recipe.prepared_dir, World(1, 2))
    assert "prepare on each host" in refused.value.hint


def test_an_error_of_another_rank_is_heard(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "3")
    console.stderr.cache_clear()
    console.info("nothing")
    console.error(RunError("no disk.", "Make room."))
    console.stderr.cache_clear()
    assert capsys.readouterr().err == "✗ rank 3: no disk.\n  Make room.\n"


def test_the_wanted_device_must_be_there():
    if not torch.cuda.is_available():
        with pytest.raises(RecipeError, match=r"`train\.device: cuda` is not available here; this machine has cpu"):
            choose_device("cuda")


def test_large_updates_on_gpus_are_cut_alike_by_any_number_of_ranks_that_divides_eight(toy_recipe):
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    large, small = (toy_recipe(train__batch_tokens=n).train for n in (65_536, 65_535))
    assert [choose_shares(large, cuda, n) for n in (1, 2, 3, 4, 8, 16)] == [8, 8, 9, 8, 8, 16]
    assert [choose_shares(small, cuda, n) for n in (1, 2, 3)] == [1, 2, 3]
    assert [choose_shares(large, cpu, n) for n in (1, 2, 3)] == [1, 2, 3]


def test_precision_can_be_chosen():
    cpu = torch.device("cpu")
    assert choose_dtype("fp32", cpu) == torch.float32
    assert choose_dtype("bf16", cpu) == torch.bfloat16
    assert choose_dtype("auto", cpu) in (torch.float32, torch.bfloat16)


CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")


def test_caches_of_kernels_are_small_unless_the_user_says_otherwise(monkeypatch):
    for name in (*CACHES, "DNNL_PRIMITIVE_CACHE_CAPACITY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DNNL_PRIMITIVE_CACHE_CAPACITY", "300")  # an older name of the first
    choose_device("cpu")
    assert [os.environ.get(name) for name in CACHES] == [None, "64"]
    monkeypatch.delenv("DNNL_PRIMITIVE_CACHE_CAPACITY")
    monkeypatch.setenv("LRU_CACHE_CAPACITY", "500")
    choose_device("cpu")
    assert [os.environ.get(name) for name in CACHES] == ["64", "500"]


SHAPES = """
import resource, torch
from nmt.device import choose_device
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
choose_device("cpu")
weights = torch.randn(128, 128).bfloat16()
begun = peak()
for rows in range(8, 408):
    torch.randn(rows, 128).bfloat16() @ weights
print(peak() - begun)
"""


@pytest.mark.slow
def test_many_shapes_in_bf16_need_little_memory():
    """Set late, after torch is imported: before the first product is soon enough."""
    alone = {name: value for name, value in os.environ.items() if not name.endswith("CACHE_CAPACITY")}
    run = subprocess.run([sys.executable, "-c", SHAPES], capture_output=True, text=True, check=True, env=alone)
    assert int(run.stdout) < 120, "megabytes; 250 where kernels are kept"
