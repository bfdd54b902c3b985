"""thin thread"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from figures import Limit
from letter import PLAIN
from ours import sample_letter
from peers.smtp_source import SmtpSource
from rows import Comparison, compare


def main() -> int:
    n = int(sys.argv[1])
    with TemporaryDirectory() as name:
        letter = sample_letter(Path(name))
    print(letter.body_bytes, letter.bytes)
    comparison = Comparison(
        "smtp-source", "smtp-source -s 10", SmtpSource(), PLAIN, n, n, rate=Limit(at_least=1.0), cpu=Limit(at_most=1.3)
    )
    row = compare(comparison, letter, int(sys.argv[2]), print)
    print(json.dumps(row.to_json(), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
