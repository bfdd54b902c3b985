"""PHPMailer, which WordPress sends with: one connection that is kept alive, one message a recipient."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from peers.peer import Errand

_LIBRARY = Path("/usr/share/php/libphp-phpmailer")


@dataclass(frozen=True)
class PhpMailer:
    name: str = "PHPMailer"
    in_words: str = "php benchmarks/peers/programs/send_by_phpmailer.php"

    def lacking(self) -> str:
        if shutil.which("php") is None:
            return "php is not installed; apt-get install php-cli libphp-phpmailer"
        return "" if _LIBRARY.exists() else "PHPMailer is not installed; apt-get install libphp-phpmailer"

    def version(self) -> str:
        found = re.search(r"const VERSION = '([^']+)'", (_LIBRARY / "src" / "PHPMailer.php").read_text())
        return f"PHPMailer {found[1] if found else 'of an unknown version'}"

    def command(self, errand: Errand, port: int) -> list[str]:
        errand.letter.write(errand.folder / "letter.json")
        program = str(Path(__file__).with_name("programs") / "send_by_phpmailer.php")
        return [
            *("php", program, str(_LIBRARY), str(port), str(errand.messages)),
            *("letter.json", str(errand.recipients)),
        ]
