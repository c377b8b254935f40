#!/usr/bin/env python3
"""A server is killed at random moments under load, and its power is cut: every answered id exists, every generation ends, no file
is missing or changed, and the money agrees to the micro, on the stopped folder and on the restarted server.

PURAS_KILL_ROUNDS (12), PURAS_CUT_ROUNDS (3), PURAS_CUT_STEP (4) and PURAS_KILL_SEED say how many and which."""
import os
import time

from harness import case, expect, run
from killing import Book, rounds

SEED = int(os.environ.get("PURAS_KILL_SEED", time.time_ns() % 1_000_000))
LIVES = 20  # of one folder; then a fresh one, so that first starts are killed too


def play(total, power):
    played = answered = 0
    restarts = []
    while played < total:
        with Book(SEED * 1000 + played, power) as book:
            for life in range(min(LIVES, total - played)):
                if life == 0:
                    while book.random.random() < 0.5:
                        book.die_while_starting()
                    book.start()
                    book.settle()
                load, once = book.die_under_load(kill_helper=book.random.random() < 0.3)
                while book.random.random() < 0.2:
                    book.die_while_starting()
                book.start()
                book.settle(load, once)
                answered += len(load.answered)
                played += 1
                if played % 50 == 0:
                    print("# %d rounds, %d answered" % (played, answered), flush=True)
            book.check_all_files()
            restarts += book.restarts
    print("# seed %d: %d rounds, %d generations answered, slowest start %.2f s" % (SEED, played, answered, max(restarts)))
    expect(answered > total // 2, "hardly anything was answered: the load is no load")


@case
def killed_under_load():
    play(rounds("PURAS_KILL_ROUNDS", 12), power=False)


@case
def power_cut_under_load():
    play(rounds("PURAS_CUT_ROUNDS", 3), power=True)


@case
def power_cut_at_each_step_of_the_first_start():
    """An empty folder is given its database, keys and first credit; wherever the power fails, the next start completes it."""
    step, died, n = rounds("PURAS_CUT_STEP", 4), 0, SEED % rounds("PURAS_CUT_STEP", 4)
    while True:
        with Book(SEED * 1000 + n, power=True) as book:
            ended = book.die_at(n)
            book.start()
            book.settle()
            book.server.submit("test/nothing")
            book.settle_one()
        if not ended:
            break
        died, n = died + 1, n + step
    print("# the first start has %d to %d steps that sync or name something" % (n - step + 1, n))
    expect(died > 20 / step, "it dies at hardly any step: the shim does not count")


run()
