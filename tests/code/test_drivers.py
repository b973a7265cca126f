"""The drivers by themselves, over their relays: what a client cannot easily make happen through a server."""

import json
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from peer import COMMANDS, Peer, Place, Result, execute, frame


def has(module):
    return subprocess.run(["python3", "-c", "import " + module], capture_output=True).returncode == 0


class Case(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.close)

    def attach(self, language="python", **options):
        peer = Peer(self.place.root, language, **options)
        self.addCleanup(peer.drop)
        return peer


BOTH = ("python", "javascript")


class Bash(Case):
    def test_a_shell_keeps_its_directory_its_variables_and_its_functions(self):
        peer = self.attach("bash", context="bash")
        self.assertEqual(peer.run("cd /tmp; x='a b'; f() { echo \"f: $x\"; }").done["status"], "ok")
        result = peer.run("pwd; f; echo oops >&2")
        self.assertEqual((result.out, result.err, result.done["executionCount"]), ("/tmp\nf: a b\n", "oops\n", 2))

    def test_an_exit_code_is_data_and_an_exit_ends_the_shell(self):
        peer = self.attach("bash", context="bash")
        failed = peer.run("x=1; echo out; ls /nowhere-at-all 2>/dev/null")
        self.assertEqual((failed.done["status"], failed.error["name"], failed.error["value"]), ("error", "ExitStatus", "2"))
        self.assertEqual(peer.run("echo $x").out, "1\n")
        self.assertEqual(peer.run("if then").done["status"], "error")
        ended = peer.run("echo bye; exit 3")
        self.assertEqual((ended.out, ended.done["status"], ended.done["restarted"]), ("bye\n", "exited", True))
        self.assertIn("exited with code 3", ended.error["value"])
        self.assertEqual(peer.run("echo \"[$x]\"").out, "[]\n")

    def test_an_interrupt_ends_what_runs_and_keeps_the_shell(self):
        peer = self.attach("bash", context="bash")
        peer.run("x=1")
        for endless in ("sleep 1000; echo not reached", "while :; do :; done", "f() { sleep 1000; }; f; echo not reached"):
            call = peer.start(endless)
            while peer.step() != b"S":
                pass
            peer.send(b"I", call)
            result = peer.wait(call)
            self.assertEqual((result.done["status"], result.out), ("interrupted", ""), endless)
        late = peer.run("sleep 1000", timeoutMs=200)
        self.assertEqual((late.done["status"], late.error["name"]), ("timeout", "TimeoutError"))
        self.assertEqual(peer.run("echo $x").out, "1\n")

    def test_code_cannot_eat_what_is_said_to_the_shell(self):
        peer = self.attach("bash", context="bash")
        self.assertEqual(peer.run("cat; read line; echo \"[$line]\"").out, "[]\n")
        peer.run("sleep 1000 & echo $! > /dev/null")
        self.assertEqual(peer.run("printf 'no newline'; echo é").out, "no newlineé\n")
        big = "x='%s'; echo ${#x}" % ("y" * 3000000)
        self.assertEqual(peer.run(big).out, "3000000\n")


class BothLanguages(Case):
    def test_two_clients_share_the_state_and_wait_for_each_other(self):
        for language, wait in (("python", "import time; time.sleep(0.3); x = 1"), ("javascript", "await new Promise((go) => setTimeout(go, 300)); x = 1")):
            with self.subTest(language):
                one, two = (self.attach(language, context=language) for _ in range(2))
                one.run("x = 0")
                first = one.start(wait)
                time.sleep(0.1)
                self.assertEqual(two.run("x").text, "1")
                self.assertEqual(one.wait(first).done["status"], "ok")

    def test_what_nobody_confirmed_is_told_again(self):
        for language, program in (
            ("python", "for i in range(300000): print('%09d' % i)"),
            ("javascript", "for (let i = 0; i < 300000; i++) console.log(String(i).padStart(9, '0'))"),
        ):
            with self.subTest(language):
                expected = "".join("%09d\n" % i for i in range(300000))
                peer = self.attach(language, context=language)
                call = peer.start(program)
                result = peer.calls[call]
                while result.done is None:
                    for _ in range(20):
                        peer.step()
                        if result.done:
                            break
                    else:
                        peer.drop()
                        peer = self.attach(language, context=language)
                        peer.resume(call, result)
                self.assertTrue(result.out == expected, len(result.stdout))

    def test_a_program_runs_on_while_nobody_listens_and_what_is_too_much_is_marked(self):
        for language, program in (
            ("python", "for i in range(10**6): print('%099d' % i)\n'end'"),
            ("javascript", "for (let i = 0; i < 1e6; i++) console.log(String(i).padStart(99, '0'))\n'end'"),
        ):
            with self.subTest(language):
                peer = self.attach(language, context=language)
                call = peer.start(program)
                while peer.step() != b"S":
                    pass
                peer.drop()
                peer = self.attach(language, context=language)
                peer.run("1")  # waits until the other call has ended
                result = Result()
                peer.resume(call, result)
                peer.wait(call)
                self.assertEqual(result.text, "'end'")
                self.assertEqual(len(result.gaps), 1)
                self.assertEqual(len(result.stdout) + result.gaps[0]["stdout"], 10**8)
                self.assertGreater(len(result.stdout), 40 << 20)
                self.assertTrue(result.out.startswith("%099d\n" % 0) and result.out.endswith("%099d\n" % 999999))

    def test_a_slow_listener_slows_the_program_down(self):
        peer = self.attach()
        call = peer.start("import os\nfor i in range(2000): os.write(1, b'x' * 65536)\nopen('%s', 'w').close()" % self.mark())
        while peer.step() != b"S":
            pass
        time.sleep(1)
        self.assertFalse(os.path.exists(self.mark()))
        self.assertEqual(len(peer.wait(call).stdout), 2000 * 65536)

    def mark(self):
        return os.path.join(self.place.root, "mark")

    def test_requests_in_a_file_need_no_stdin(self):
        for language in BOTH:
            with self.subTest(language):
                path = os.path.join(self.place.root, "requests")
                with open(path, "wb") as requests:
                    requests.write(frame(b"E", 7, execute("x = 41; x + 1", {})))
                peer = self.attach(language, context=language, request_file=path)
                peer.calls[7] = Result()
                self.assertEqual(peer.wait(7).text, "42")
                self.assertIsNone(peer.read_frame())
                self.assertEqual(peer.process.wait(5), 0)
                self.assertFalse(os.path.exists(path))

    def test_a_call_said_twice_runs_once(self):
        for language in BOTH:
            with self.subTest(language):
                peer = self.attach(language, context=language)
                peer.run("n = 0")
                call = peer.start("n += 1")
                peer.send(b"E", call, execute("n += 1", {}))
                peer.wait(call)
                self.assertEqual(peer.run("n").text, "1")

    def test_a_call_that_waits_can_be_interrupted(self):
        for language, busy in (("python", "import time; time.sleep(0.5)"), ("javascript", "await new Promise((go) => setTimeout(go, 500))")):
            with self.subTest(language):
                peer = self.attach(language, context=language)
                first, second = peer.start(busy), peer.start("1")
                peer.send(b"I", second)
                self.assertEqual(peer.wait(second).done["status"], "interrupted")
                self.assertIsNone(peer.calls[first].done)
                self.assertEqual(peer.wait(first).done["status"], "ok")

    def test_a_call_of_a_lost_interpreter_is_called_lost(self):
        for language in BOTH:
            with self.subTest(language):
                peer = self.attach(language, context=language)
                peer.resume(99, Result())
                result = peer.wait(99)
                self.assertEqual((result.error["name"], result.done["status"]), ("ContextLost", "exited"))

    def test_a_killed_context_starts_anew_and_says_so(self):
        for language in BOTH:
            with self.subTest(language):
                peer = self.attach(language, context=language)
                peer.run("x = 1")
                with open(os.path.join(self.place.root, language, "context.json")) as file:
                    os.kill(json.load(file)["pid"], 9)
                with self.assertRaises(EOFError):
                    peer.run("x")
                again = self.attach(language, context=language, create=False)
                result = again.run("1")
                self.assertEqual((result.done["restarted"], result.done["executionCount"]), (True, 1))
                self.assertFalse(again.run("2").done["restarted"])

    def test_a_context_that_is_not_there_is_not_made_up(self):
        for language in BOTH:
            with self.subTest(language):
                peer = self.attach(language, context="other", create=False)
                self.assertEqual(peer.process.wait(10), 44)
                self.assertFalse(os.path.exists(os.path.join(self.place.root, "other")))

    def test_who_does_not_speak_the_protocol_is_dropped_and_nobody_else(self):
        for language in BOTH:
            with self.subTest(language):
                good, bad = (self.attach(language, context=language) for _ in range(2))
                good.run("x = 1")
                for noise in (b"GET / HTTP/1.1\r\n\r\n", frame(b"E", 1, b"\0\0\0\x05{oops")):
                    bad.process.stdin.write(noise)
                    self.assertEqual(bad.process.wait(10), 0)
                    bad = self.attach(language, context=language)
                self.assertEqual(good.run("x").text, "1")

    def test_programs_that_the_code_starts_print_in_order(self):
        for language, program in (
            ("python", "import subprocess\nprint('a'); subprocess.run(['echo', 'b']); print('c')"),
            ("javascript", "console.log('a'); require('child_process').execSync('echo b', { stdio: 'inherit' }); console.log('c')"),
        ):
            with self.subTest(language):
                self.assertEqual(self.attach(language, context=language).run(program).out, "a\nb\nc\n")

    def test_ten_clients_start_one_context(self):
        for language in BOTH:
            with self.subTest(language):
                peers = [self.attach(language, context=language) for _ in range(10)]
                for peer in peers:
                    peer.run("globals().setdefault('n', []).append(1)" if language == "python" else "globalThis.n = [...(globalThis.n ?? []), 1]; 0")
                self.assertEqual(peers[0].run("len(n)" if language == "python" else "n.length").text, "10")


class Python(Case):
    def run_all(self, *sources):
        peer = self.attach()
        return [peer.run(source) for source in sources]

    def test_await_works_at_the_top(self):
        first, second = self.run_all("import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 7\nx = await f()", "await f() + x")
        self.assertEqual((first.error, second.text), (None, "14"))

    def test_exit_is_not_the_end(self):
        well, badly, after = self.run_all("x = 1\nimport sys; sys.exit()", "sys.exit(3)", "x")
        self.assertIsNone(well.error)
        self.assertEqual((badly.error["name"], badly.error["value"]), ("SystemExit", "3"))
        self.assertEqual((after.text, after.done["restarted"]), ("1", False))

    def test_input_says_that_nobody_can_answer(self):
        (asked,) = self.run_all("input('name? ')")
        self.assertIn("nobody to ask", asked.error["value"])

    def test_values_have_their_forms(self):
        program = """
class Shown:
    def _repr_html_(self): return '<b>x</b>'
    def _repr_latex_(self): return '$x$'
    def _repr_markdown_(self): return '**x**'
    def _repr_svg_(self): return '<svg/>'
    def _repr_json_(self): return {'a': 1}
    def _repr_jpeg_(self): raise ValueError('cannot')
    def _repr_mimebundle_(self, include=None, exclude=None): return {'application/x': 'y', 'image/png': 'iVBORw=='}
    def __repr__(self): return 'Shown'
Shown()"""
        (shown,) = self.run_all(program)
        self.assertEqual(shown.results[0]["data"], {
            "text/plain": "Shown", "text/html": "<b>x</b>", "text/latex": "$x$", "text/markdown": "**x**",
            "image/svg+xml": "<svg/>", "application/json": {"a": 1}, "application/x": "y", "image/png": b"\x89PNG",
        })

    def test_none_a_semicolon_and_silence_show_nothing(self):
        peer = self.attach()
        for source, options in (("None", {}), ("1;", {}), ("1", {"silent": True})):
            self.assertEqual(peer.run(source, **options).results, [])
        self.assertEqual(peer.run("1").done["executionCount"], 3)

    def test_a_value_that_cannot_be_shown_is_an_error_of_the_code(self):
        broken, after = self.run_all("class B:\n    def __repr__(self): raise KeyError('no')\nB()", "1")
        self.assertEqual((broken.error["name"], after.text), ("KeyError", "1"))

    def test_a_mock_is_not_asked_for_every_form(self):
        (shown,) = self.run_all("from unittest.mock import MagicMock\nMagicMock(name='m')")
        self.assertEqual(list(shown.results[0]["data"]), ["text/plain"])

    def test_a_thread_prints_into_the_next_call(self):
        first, second = self.run_all(
            "import threading, time\nthreading.Timer(0.2, lambda: print('late')).start()\n'now'", "time.sleep(0.6)")
        self.assertEqual((first.out, second.out), ("", "late\n"))

    def test_classes_of_the_code_can_be_pickled(self):
        (result,) = self.run_all("import pickle\nclass C: pass\npickle.loads(pickle.dumps(C())).__class__.__name__")
        self.assertEqual(result.text, "'C'")

    def test_what_ignores_interrupts_is_ended_by_its_limit(self):
        peer = self.attach()
        program = "import time\nwhile True:\n    try: time.sleep(9)\n    except KeyboardInterrupt: pass"
        result = peer.run(program, timeoutMs=200)
        self.assertEqual((result.done["status"], result.done["restarted"]), ("timeout", True))
        self.assertEqual(peer.run("1").text, "1")

    def test_a_shell_command_can_be_interrupted(self):
        result = self.attach().run("import os; os.system('sleep 30')", timeoutMs=200)
        self.assertLess(result.done["durationMs"], 3000)

    @unittest.skipUnless(has("matplotlib"), "matplotlib is not installed")
    def test_figures_are_pictures(self):
        png, svg = self.run_all(
            "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nNone",
            "plt.rcParams['savefig.format'] = 'svg'\nfor _ in range(2): plt.figure()\nNone")
        self.assertTrue(png.results[0]["data"]["image/png"].startswith(b"\x89PNG"))
        self.assertEqual((png.error, png.err), (None, ""))
        self.assertEqual([result["data"]["image/svg+xml"][:5] for result in svg.results], ["<?xml"] * 2)

    @unittest.skipUnless(has("pandas"), "pandas is not installed")
    def test_tables_are_html(self):
        (table,) = self.run_all("import pandas\npandas.DataFrame({'a': [1, 2]})")
        self.assertIn("<table", table.results[0]["data"]["text/html"])


class JavaScript(Case):
    def run_all(self, *sources):
        peer = self.attach("javascript")
        return [peer.run(source) for source in sources]

    def test_names_stay_and_may_be_said_again(self):
        results = self.run_all("const a = 1; let b = 2; class C { x = 3 }", "const a = a0 = 5; let b = 6; class C { x = 7 }", "[a, b, new C().x]")
        self.assertEqual([result.error for result in results], [None] * 3)
        self.assertEqual(results[2].text, "[ 5, 6, 7 ]")

    def test_modules_are_imported_by_statement_and_by_call(self):
        (result,) = self.run_all("""import fs, { readFileSync as read,
  existsSync } from 'node:fs'; import * as os from "node:os" // import nothing from 'nowhere'
import 'node:path'
const { sep } = await import('node:path');
const text = `import x from 'y' ${await import('node:url').then((it) => typeof it.URL)}`, regex = /import a from 'b'/;
[fs.readFileSync === read, existsSync('/'), typeof os.cpus, sep, text, regex.source, require('node:path').sep]""")
        self.assertIsNone(result.error)
        self.assertEqual(result.results[0]["data"]["application/json"], [
            True, True, "function", "/", "import x from 'y' function", "import a from 'b'", "/"])

    def test_a_promise_as_value_is_waited_for(self):
        (result,) = self.run_all("async function main() { await 1; console.log('in'); return new Map([[1, 2]]) }\nmain()")
        self.assertEqual((result.out, result.text), ("in\n", "Map(1) { 1 => 2 }"))
        self.assertNotIn("application/json", result.results[0]["data"])

    def test_errors_have_their_place(self):
        thrown, syntax, rejected, odd = self.run_all(
            "function f() {\n  throw new RangeError('no')\n}\nf()", "let a = 1\nlet b = ;", "await Promise.reject(new Error('late'))", "throw 7")
        self.assertEqual(thrown.error["traceback"], "RangeError: no\n    at f (cell-1.js:2:9)\n    at cell-1.js:4:1")
        self.assertIn("cell-2.js:2\nlet b = ;\n        ^", syntax.error["traceback"])
        self.assertEqual((rejected.error["name"], rejected.error["value"]), ("Error", "late"))
        self.assertEqual((odd.error["name"], odd.error["value"]), ("Error", "7"))

    def test_endless_code_is_interrupted_wherever_it_is(self):
        peer = self.attach("javascript")
        peer.run("x = 42")
        for endless in ("while (true);", "await 1; while (true);", "await new Promise(() => {})", "require('child_process').execSync('sleep 30')"):
            with self.subTest(endless):
                result = peer.run(endless, timeoutMs=200)
                self.assertEqual((result.done["status"], result.done["restarted"]), ("timeout", False))
                self.assertEqual(peer.run("x").text, "42")

    def test_an_interrupt_is_for_one_call_only(self):
        peer = self.attach("javascript")
        for _ in range(5):
            first = peer.start("while (true);")
            while peer.step() != b"S":
                pass
            peer.send(b"I", first)
            second = peer.start("const began = Date.now(); while (Date.now() - began < 250); 7")
            self.assertEqual(peer.wait(first).done["status"], "interrupted")
            self.assertEqual(peer.wait(second).text, "7")

    def test_a_rejection_that_nobody_waits_for_is_printed(self):
        result = self.attach("javascript").run("Promise.reject(new Error('lost')); await new Promise((go) => setTimeout(go, 50)); 1")
        self.assertIn("lost", result.stderr.decode())
        self.assertEqual(result.text, "1")

    def test_pictures_and_bundles_are_shown(self):
        picture, bundle = self.run_all("Buffer.from('89504e470d0a1a0a00', 'hex')", "({ [Symbol.for('Jupyter.display')]: () => ({ 'text/html': '<b>' }) })")
        self.assertEqual(picture.results[0]["data"]["image/png"], bytes.fromhex("89504e470d0a1a0a00"))
        self.assertEqual(bundle.results[0]["data"]["text/html"], "<b>")


if __name__ == "__main__":
    unittest.main()
