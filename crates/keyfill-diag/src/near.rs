//! Finds the known name that a person most likely meant by a misspelled one.

/// The candidate most similar to `name`, if it is similar enough for a hint: at most two edits for names up to
/// eight characters, a third of the length (at most four) for longer ones. Among equal candidates the first one
/// wins.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Authors choose the names, and the comparison takes time in proportion to the product of their lengths.
    const LONGEST: usize = 256;
    if name.len() > LONGEST {
        return None;
    }
    let candidates = candidates.into_iter().filter(|candidate| candidate.len() <= LONGEST);
    let limit = (name.chars().count() / 3).clamp(1, 4).max(if name.len() > 3 { 2 } else { 1 });
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let d = distance(&name.to_lowercase(), &candidate.to_lowercase());
        if d <= limit && best.is_none_or(|(b, _)| d < b) {
            best = Some((d, candidate));
        }
    }
    best.map(|(_, c)| c)
}

/// The optimal string alignment distance: the number of insertions, deletions, substitutions and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut older = vec![0; b.len() + 1];
    let mut old: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (old[j - 1] + same).min(old[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(older[j - 2] + 1);
            }
        }
        older = std::mem::replace(&mut old, row);
    }
    old[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_found_when_it_is_near_enough() {
        assert_eq!(nearest("pasword", ["username", "password"]), Some("password"));
        assert_eq!(nearest("Password", ["password"]), Some("password"));
        assert_eq!(nearest("usre", ["user", "password"]), Some("user"));
        assert_eq!(nearest("xyz", ["password"]), None);
    }
}
