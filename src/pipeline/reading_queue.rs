//! Which letter is read next? The fresh ones of those who cost least so far, so that a flood delays
//! nobody but its sender.

use crate::model::ids::IntakeId;
use crate::model::letter::Dmarc;
use crate::ports::Unread;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Every so many turns the oldest letter is read, whoever sent it: nobody waits for ever.
const OLDEST_EVERY: u32 = 4;

/// What somebody cost is halved in this time.
const HALF_LIFE_S: f64 = 600.0;

/// Senders whose costs are remembered, and the cost below which one is forgotten where there are
/// too many.
const SENDERS_MAX: usize = 10_000;
const FORGOTTEN_S: f64 = 0.1;

/// Seconds that were spent, as they stood at a moment; they fade.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    seconds: f64,
    since: Option<Instant>,
}

impl Spent {
    fn at(self, now: Instant) -> f64 {
        let age = self.since.map_or(0.0, |since| {
            now.saturating_duration_since(since).as_secs_f64()
        });
        self.seconds * 0.5f64.powf(age / HALF_LIFE_S)
    }
}

/// Who pays for the reading of a letter. A domain that was proven stands apart from one that
/// anybody may have named, so that nobody can spend another's share.
type Sender = (String, bool);

/// The order of reading, kept in memory: a desk that begins anew owes nobody anything.
#[derive(Debug, Default)]
pub(super) struct ReadingQueue {
    spent: HashMap<Sender, Spent>,
    /// What all of those together cost whose domain nobody proved.
    unproven: Spent,
    turns: u32,
    /// Letters that were being read when the opener ended. Each is read again, alone: what ends the
    /// opener then is to blame.
    suspects: HashSet<IntakeId>,
}

impl ReadingQueue {
    /// Chooses among unread letters; `None` where there is nothing to read.
    pub fn choose<'u>(&mut self, unread: &'u [Unread], now: Instant) -> Option<&'u Unread> {
        self.turns = self.turns.wrapping_add(1);
        if self.turns.is_multiple_of(OLDEST_EVERY) {
            return unread.iter().min_by_key(|letter| letter.id);
        }
        // What was slow or killed its reader goes behind what was not tried yet, but for its turn
        // as the oldest.
        let fewest = unread.iter().map(|letter| letter.tries).min()?;
        let mut fresh: Vec<&Unread> = unread
            .iter()
            .filter(|letter| letter.tries == fewest)
            .collect();
        fresh.sort_by_key(|letter| letter.id);
        // Of each writer the oldest; of those whose domains cost as little the one who cost least,
        // and of those who wrote last.
        let mut seen = HashSet::new();
        let first_of_each = fresh
            .into_iter()
            .filter(|letter| seen.insert(writer(letter)));
        first_of_each.min_by(|a, b| {
            let of_domains = self
                .spent_by(&sender(a), now)
                .total_cmp(&self.spent_by(&sender(b), now));
            let of_writers = || {
                self.spent_by(&writer(a), now)
                    .total_cmp(&self.spent_by(&writer(b), now))
            };
            of_domains
                .then_with(of_writers)
                .then(b.received_at.cmp(&a.received_at))
                .then(b.id.cmp(&a.id))
        })
    }

    /// Notes what the reading of a letter cost.
    pub fn spend(&mut self, letter: &Unread, cost: Duration, now: Instant) {
        if self.spent.len() >= SENDERS_MAX {
            self.spent.retain(|_, spent| spent.at(now) > FORGOTTEN_S);
        }
        let sender = sender(letter);
        if !sender.1 {
            self.unproven = Spent {
                seconds: self.unproven.at(now) + cost.as_secs_f64(),
                since: Some(now),
            };
        }
        for payer in HashSet::from([sender, writer(letter)]) {
            if self.spent.len() < SENDERS_MAX {
                let own = self.spent.get(&payer).map_or(0.0, |spent| spent.at(now));
                self.spent.insert(
                    payer,
                    Spent {
                        seconds: own + cost.as_secs_f64(),
                        since: Some(now),
                    },
                );
            }
        }
    }

    /// What somebody cost so far. Names that nobody proved are invented for nothing, so they pay
    /// for one another too.
    fn spent_by(&self, sender: &Sender, now: Instant) -> f64 {
        let own = self.spent.get(sender).map_or(0.0, |spent| spent.at(now));
        if sender.1 {
            own
        } else {
            own + self.unproven.at(now)
        }
    }

    /// The opener ended while these were read, and one of them may be why: each is read alone from
    /// now on.
    pub fn suspect(&mut self, letters: impl IntoIterator<Item = IntakeId>) {
        self.suspects.extend(letters);
    }

    /// Whether it must be read beside no other.
    pub fn is_suspect(&self, letter: IntakeId) -> bool {
        self.suspects.contains(&letter)
    }

    /// It was read beside nobody, and whatever came of it is its own.
    pub fn acquit(&mut self, letter: IntakeId) {
        self.suspects.remove(&letter);
    }
}

fn sender(letter: &Unread) -> Sender {
    let domain = letter
        .originator
        .as_ref()
        .map(|from| from.organisation().to_owned())
        .unwrap_or_default();
    (domain, letter.dmarc == Dmarc::Pass)
}

/// Whoever wrote it, where that is proven: a provider of mail for everybody is many people. Of a
/// domain that anybody may have named all are one.
fn writer(letter: &Unread) -> Sender {
    match &letter.originator {
        Some(from) if letter.dmarc == Dmarc::Pass => (from.as_str().to_ascii_lowercase(), true),
        _ => sender(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::model::address::Address;

    fn letter(id: i64, from: &str, tries: u32) -> Unread {
        Unread {
            id: IntakeId(id),
            originator: Address::parse(from).ok(),
            dmarc: Dmarc::Unknown,
            tries,
            received_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_flood_of_one_sender_delays_nobody_else() {
        let mut queue = ReadingQueue::default();
        let now = Instant::now();
        let flood: Vec<Unread> = (0..50)
            .map(|n| letter(n, &format!("x@sub{n}.flood.example"), 0))
            .collect();
        queue.choose(&flood, now);
        queue.spend(&flood[0], Duration::from_secs(2), now);
        let honest = letter(99, "ada@reporter.example", 0);
        let all: Vec<Unread> = flood.iter().cloned().chain([honest]).collect();
        assert_eq!(queue.choose(&all, now).map(|l| l.id), Some(IntakeId(99)));
    }

    #[test]
    fn of_many_strangers_the_last_to_write_is_read_first_and_the_oldest_every_so_often() {
        let mut queue = ReadingQueue::default();
        let unread: Vec<Unread> = (0..10)
            .map(|n| letter(n, &format!("x@evil{n}.example"), 0))
            .collect();
        let chosen: Vec<i64> = (0..OLDEST_EVERY)
            .filter_map(|_| queue.choose(&unread, Instant::now()).map(|l| l.id.0))
            .collect();
        assert_eq!(chosen, [9, 9, 9, 0]);
    }

    #[test]
    fn a_letter_that_came_after_a_backlog_is_read_before_it_whenever_it_was_fetched() {
        let mut queue = ReadingQueue::default();
        let mut unread: Vec<Unread> = (0..10)
            .map(|n| letter(n, &format!("x@evil{n}.example"), 0))
            .collect();
        unread[3].received_at = Timestamp::from_second(60).unwrap();
        let chosen = queue.choose(&unread, Instant::now()).map(|l| l.id);
        assert_eq!(chosen, Some(IntakeId(3)));
    }

    #[test]
    fn letters_of_one_sender_are_read_in_their_order_and_what_died_goes_behind() {
        let mut queue = ReadingQueue::default();
        let unread = [
            letter(1, "a@b.example", 6),
            letter(2, "a@b.example", 0),
            letter(3, "a@b.example", 0),
        ];
        // And it has its turn as the oldest: nothing waits for ever.
        let chosen: Vec<i64> = (0..OLDEST_EVERY)
            .filter_map(|_| queue.choose(&unread, Instant::now()).map(|l| l.id.0))
            .collect();
        assert_eq!(chosen, [2, 2, 2, 1]);
    }

    #[test]
    fn a_customer_of_a_provider_pays_for_no_other() {
        let mut queue = ReadingQueue::default();
        let now = Instant::now();
        let proven = |id, from| Unread {
            dmarc: Dmarc::Pass,
            ..letter(id, from, 0)
        };
        let flood: Vec<Unread> = (0..9)
            .map(|n| {
                proven(
                    n,
                    ["eve@freemail.example", "mal@freemail.example"][n as usize % 2],
                )
            })
            .collect();
        queue.spend(&flood[0], Duration::from_secs(2), now);
        queue.spend(&flood[1], Duration::from_secs(2), now);
        let ada = proven(9, "ada@freemail.example");
        let all: Vec<Unread> = flood[2..]
            .iter()
            .cloned()
            .chain([ada, proven(10, "eve@freemail.example")])
            .collect();
        assert_eq!(queue.choose(&all, now).map(|l| l.id), Some(IntakeId(9)));
    }

    #[test]
    fn a_forged_domain_does_not_spend_the_share_of_the_proven_one() {
        let mut queue = ReadingQueue::default();
        let now = Instant::now();
        let proven = Unread {
            dmarc: Dmarc::Pass,
            ..letter(1, "ada@reporter.example", 0)
        };
        queue.spend(
            &letter(2, "eve@reporter.example", 0),
            Duration::from_secs(60),
            now,
        );
        // Nor do a thousand invented names push in before it.
        let unread = [
            letter(3, "eve@reporter.example", 0),
            letter(4, "bob@else.example", 0),
            proven,
            letter(5, "x@invented.example", 0),
        ];
        assert_eq!(queue.choose(&unread, now).map(|l| l.id), Some(IntakeId(1)));
    }
}
