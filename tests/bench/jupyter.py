"""How long `1+1` takes in a plain Jupyter kernel driven by jupyter_client, in milliseconds: what runCode is compared with."""

import json
import sys
import time

from jupyter_client.manager import start_new_kernel

warm_ups, rounds = int(sys.argv[1]), int(sys.argv[2])
manager, client = start_new_kernel(kernel_name="python3")


def once():
    shown = []
    start = time.perf_counter()
    client.execute_interactive("1+1", output_hook=lambda message: shown.append(message), timeout=60)
    took = (time.perf_counter() - start) * 1000
    values = [message["content"]["data"]["text/plain"] for message in shown if message["msg_type"] == "execute_result"]
    assert values == ["2"], values
    return took


try:
    for _ in range(warm_ups):
        once()
    print(json.dumps([once() for _ in range(rounds)]))
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
