//! Which letter is read next? The fresh ones of those who cost least so far, so that a flood delays nobody but its sender.

use crate::model::ids::IntakeId;
use crate::model::letter::Dmarc;
use crate::ports::Unread;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Every so many turns the oldest letter is read, whoever sent it: nobody waits for ever.
const OLDEST_EVERY: u32 = 4;

/// What somebody cost is halved in this time.
const HALF_LIFE_S: f64 = 600.0;

/// Senders whose costs are remembered. Beyond them all costs are forgotten, which costs a flood's victims one round.
const SENDERS_MAX: usize = 10_000;

/// Who pays for the reading of a letter. A domain that was proven stands apart from one that anybody may have named,
/// so that nobody can spend another's share.
type Sender = (String, bool);

/// The order of reading, kept in memory: a desk that begins anew owes nobody anything.
#[derive(Debug, Default)]
pub(super) struct ReadingQueue {
    spent: HashMap<Sender, (f64, Option<Instant>)>,
    turns: u32,
    /// Letters that were being read when the opener ended. Each is read again, alone: what ends the opener then is to blame.
    suspects: HashSet<IntakeId>,
}

impl ReadingQueue {
    /// Chooses among unread letters; `None` where there is nothing to read.
    pub fn choose<'u>(&mut self, unread: &'u [Unread], now: Instant) -> Option<&'u Unread> {
        self.turns = self.turns.wrapping_add(1);
        // What was slow or killed its reader goes behind what was not tried yet.
        let fewest = unread.iter().map(|letter| letter.tries).min()?;
        let mut fresh: Vec<&Unread> = unread.iter().filter(|letter| letter.tries == fewest).collect();
        fresh.sort_by_key(|letter| letter.id);
        if self.turns.is_multiple_of(OLDEST_EVERY) {
            return fresh.first().copied();
        }
        // Of each sender the oldest; of the senders who cost as little, the one who wrote last.
        let mut seen = HashSet::new();
        let first_of_each = fresh.into_iter().filter(|letter| seen.insert(sender(letter)));
        first_of_each.min_by(|a, b| {
            let (of_a, of_b) = (self.spent_by(&sender(a), now), self.spent_by(&sender(b), now));
            of_a.total_cmp(&of_b).then(b.id.cmp(&a.id))
        })
    }

    /// Notes what the reading of a letter cost.
    pub fn spend(&mut self, letter: &Unread, cost: Duration, now: Instant) {
        if self.spent.len() >= SENDERS_MAX {
            self.spent.clear();
        }
        let sender = sender(letter);
        let spent = self.spent_by(&sender, now) + cost.as_secs_f64();
        self.spent.insert(sender, (spent, Some(now)));
    }

    fn spent_by(&self, sender: &Sender, now: Instant) -> f64 {
        let Some((spent, since)) = self.spent.get(sender) else { return 0.0 };
        let age = since.map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
        spent * 0.5f64.powf(age / HALF_LIFE_S)
    }

    pub fn suspect(&mut self, letters: impl IntoIterator<Item = IntakeId>) {
        self.suspects.extend(letters);
    }

    pub fn is_suspect(&self, letter: IntakeId) -> bool {
        self.suspects.contains(&letter)
    }

    /// It was read beside nobody, and whatever came of it is its own.
    pub fn acquit(&mut self, letter: IntakeId) {
        self.suspects.remove(&letter);
    }
}

fn sender(letter: &Unread) -> Sender {
    let domain = letter.originator.as_ref().map(|from| from.organisation().to_owned()).unwrap_or_default();
    (domain, letter.dmarc == Dmarc::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::Address;

    fn letter(id: i64, from: &str, tries: u32) -> Unread {
        Unread { id: IntakeId(id), originator: Address::parse(from).ok(), dmarc: Dmarc::Unknown, tries }
    }

    #[test]
    fn a_flood_of_one_sender_delays_nobody_else() {
        let mut queue = ReadingQueue::default();
        let now = Instant::now();
        let flood: Vec<Unread> = (0..50).map(|n| letter(n, &format!("x@sub{n}.flood.example"), 0)).collect();
        queue.choose(&flood, now);
        queue.spend(&flood[0], Duration::from_secs(2), now);
        let honest = letter(99, "ada@reporter.example", 0);
        let all: Vec<Unread> = flood.iter().cloned().chain([honest]).collect();
        assert_eq!(queue.choose(&all, now).map(|l| l.id), Some(IntakeId(99)));
    }

    #[test]
    fn of_many_strangers_the_last_to_write_is_read_first_and_the_oldest_every_so_often() {
        let mut queue = ReadingQueue::default();
        let unread: Vec<Unread> = (0..10).map(|n| letter(n, &format!("x@evil{n}.example"), 0)).collect();
        let chosen: Vec<i64> = (0..OLDEST_EVERY).filter_map(|_| queue.choose(&unread, Instant::now()).map(|l| l.id.0)).collect();
        assert_eq!(chosen, [9, 9, 9, 0]);
    }

    #[test]
    fn letters_of_one_sender_are_read_in_their_order_and_what_died_goes_behind() {
        let mut queue = ReadingQueue::default();
        let unread = [letter(1, "a@b.example", 6), letter(2, "a@b.example", 0), letter(3, "a@b.example", 0)];
        assert_eq!(queue.choose(&unread, Instant::now()).map(|l| l.id), Some(IntakeId(2)));
    }

    #[test]
    fn a_forged_domain_does_not_spend_the_share_of_the_proven_one() {
        let mut queue = ReadingQueue::default();
        let now = Instant::now();
        let proven = Unread { dmarc: Dmarc::Pass, ..letter(1, "ada@reporter.example", 0) };
        queue.spend(&letter(2, "eve@reporter.example", 0), Duration::from_secs(60), now);
        let unread = [letter(3, "eve@reporter.example", 0), letter(4, "bob@else.example", 0), proven];
        queue.spend(&unread[1], Duration::from_secs(1), now);
        assert_eq!(queue.choose(&unread, now).map(|l| l.id), Some(IntakeId(1)));
    }
}
