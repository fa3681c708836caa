"""The arbitration clause that both sides accept with a job, by version (docs/rules.md, E1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.wording import Sentence

ARBITRATION_CLAUSES: Final[Mapping[int, Sentence]] = {
    1: Sentence(
        fa=(
            "مبلغ هر پرداخت امن پس از پرداخت کارفرما نزد امانت می‌ماند؛ تا آزاد نشود از آنِ مجری نیست و"
            " کارفرما هم به‌تنهایی نمی‌تواند آن را پس بگیرد. اگر دربارهٔ کار یا مبلغ اختلافی پیش آید، هر یک"
            " از دو طرف می‌تواند تا وقتی مبلغی نزد امانت است داوری بخواهد. هر دو طرف اظهارات و مدارک خود را"
            " در مهلت مقرر ثبت می‌کنند و می‌توانند با هم بر سر تقسیم مبلغ توافق کنند؛ وگرنه داوری که با"
            " هیچ‌یک از دو طرف ارتباطی ندارد رأی می‌دهد که چه مبلغی به مجری و چه مبلغی به کارفرما برسد و"
            " دلیل آن را می‌نویسد. هر طرف می‌تواند در مهلتی که همراه رأی اعلام می‌شود به آن اعتراض کند؛ آن‌گاه"
            " داور دیگری رسیدگی می‌کند و رأی او قطعی است. از مبلغی که به مجری می‌رسد کارمزد امانت و مالیات آن کم می‌شود."
        ),
        en=(
            "Once the employer has paid a safe payment, Amanat holds the money in trust: until it is released it is not"
            " the contractor's, and the employer cannot take it back alone. Should the two sides disagree about the"
            " work or the amount, either may ask for arbitration as long as money is held. Both file their statements"
            " and evidence in time, and may agree to divide the money; otherwise an arbitrator who has nothing to do"
            " with either side rules which amount goes to the contractor and which to the employer, and says why."
            " Either side may object within the time that is told with the ruling; then another arbitrator looks at it,"
            " and that ruling is final."
            " Amanat's fee and the VAT on it are taken from what goes to the contractor."
        ),
    ),
}
