//! Parses the arguments of commands that search or test: `find`, `grep`, `ls`, `xargs`, `test`.

use super::pattern::{self, Flags, Syntax};
use super::plan::{Expression, Filter, Find, Grep, PathKind, Source, Test};
use super::words::Word;

/// A `find`, and the filter of its `-exec grep`.
pub type Found = (Find, Option<Filter>);

/// The text of a word, or an error if the word holds a variable.
fn plain(word: &Word) -> Result<String, String> {
    word.text().ok_or_else(|| format!("{} cannot be a variable", word.source))
}

/// Parses the arguments of `find`.
pub fn find(words: &[Word]) -> Result<Found, String> {
    let is_path = |word: &&Word| !word.text().is_some_and(|text| text.starts_with(['-', '(', '!']));
    let starts: Vec<Word> = words.iter().take_while(is_path).cloned().collect();
    let mut parser = Finding {
        words: &words[starts.len()..],
        at: 0,
        find: Find::default(),
        filter: None,
        syntax: Syntax::Emacs,
        depth: 0,
        quits: false,
        prints: false,
    };
    let starts = if starts.is_empty() { vec![Word::literal(".")] } else { starts };
    let mut expression = parser.any()?;
    if parser.quits && !parser.prints {
        // `-quit` is an action, so paths are not printed by default.
        expression = Expression::Not(Box::new(Expression::True));
    }
    if parser.at < parser.words.len() {
        return Err(format!("{} is not expected in find", parser.words[parser.at].source));
    }
    Ok((Find { starts, expression, ..parser.find }, parser.filter))
}

struct Finding<'a> {
    words: &'a [Word],
    at: usize,
    find: Find,
    filter: Option<Filter>,
    /// The syntax of `-regex`.
    syntax: Syntax,
    depth: usize,
    quits: bool,
    prints: bool,
}

impl Finding<'_> {
    fn peek(&self) -> Option<String> {
        self.words.get(self.at)?.text()
    }

    fn argument(&mut self, flag: &str) -> Result<&Word, String> {
        self.at += 1;
        self.words.get(self.at - 1).ok_or_else(|| format!("find {flag} needs a value"))
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while matches!(self.peek().as_deref(), Some("-o" | "-or")) {
            if self.filter.is_some() {
                return Err("what stands behind find -exec is not known".to_owned());
            }
            self.at += 1;
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = Vec::new();
        while let Some(word) = self.peek() {
            match word.as_str() {
                "-o" | "-or" | ")" => break,
                "-a" | "-and" => self.at += 1,
                _ => parts.push(self.one()?),
            }
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn one(&mut self) -> Result<Expression, String> {
        if self.filter.is_some() {
            return Err("what stands behind find -exec is not known".to_owned());
        }
        self.depth += 1;
        if self.depth > 64 {
            return Err("find has too many parts".to_owned());
        }
        let Some(flag) = self.peek() else {
            return Err("find has a variable where a test is expected".to_owned());
        };
        self.at += 1;
        Ok(match flag.as_str() {
            "!" | "-not" => Expression::Not(Box::new(self.one()?)),
            "(" => {
                let inside = self.any()?;
                if self.peek().as_deref() != Some(")") {
                    return Err("a parenthesis of find is not closed".to_owned());
                }
                self.at += 1;
                inside
            }
            "-name" | "-iname" => {
                let pattern = self.argument(&flag)?.clone();
                Expression::Name { pattern, ignore_case: flag == "-iname" }
            }
            "-path" | "-wholename" | "-ipath" | "-iwholename" => {
                let pattern = pattern::of_path(&plain(self.argument(&flag)?)?);
                Expression::Path(if flag.starts_with("-i") { format!("(?i){pattern}") } else { pattern })
            }
            "-regextype" => {
                self.syntax = match plain(self.argument(&flag)?)?.as_str() {
                    "posix-extended" | "egrep" | "posix-egrep" => Syntax::Extended,
                    "posix-basic" | "grep" | "ed" | "sed" => Syntax::Basic,
                    "emacs" | "findutils-default" => Syntax::Emacs,
                    other => return Err(format!("find -regextype {other} is not known")),
                };
                Expression::And(Vec::new())
            }
            "-regex" | "-iregex" => {
                let ignore_case = flag == "-iregex";
                let pattern = plain(self.argument(&flag)?)?;
                let flags = Flags { syntax: self.syntax, ignore_case, line: true, ..Flags::default() };
                Expression::Path(
                    pattern::of_grep(&[pattern], flags).map_err(|why| format!("find {flag}: {why}"))?,
                )
            }
            "-empty" => Expression::Empty,
            "-type" => match plain(self.argument(&flag)?)?.as_str() {
                "f" => Expression::Type('f'),
                "d" => Expression::Type('d'),
                "l" => Expression::Type('l'),
                other => return Err(format!("find -type {other} is not known")),
            },
            "-maxdepth" | "-mindepth" => {
                let text = plain(self.argument(&flag)?)?;
                let number = text.parse().map_err(|_| format!("find {flag} {text} is not a number"))?;
                if flag == "-maxdepth" {
                    self.find.most_depth = Some(number);
                } else {
                    self.find.least_depth = number;
                }
                Expression::And(Vec::new())
            }
            "-quit" => {
                self.quits = true;
                Expression::True
            }
            "-print" | "-print0" => {
                self.prints = true;
                Expression::Print
            }
            "-exec" => {
                let end = |word: &Word| matches!(word.text().as_deref(), Some(";" | "+"));
                let Some(length) = self.words[self.at..].iter().position(end) else {
                    return Err("find -exec is not closed with \\;".to_owned());
                };
                let inside = &self.words[self.at..self.at + length];
                self.at += length + 1;
                if self.prints {
                    return Err("find has -print beside -exec".to_owned());
                }
                let (mut filter, is_quiet) = files(inside, false, true)?;
                let is_printed = matches!(self.peek().as_deref(), Some("-print" | "-print0"));
                if is_quiet != is_printed {
                    return Err("find -exec grep -q needs -print behind it, and grep -l none".to_owned());
                }
                if let (true, Filter::Files { grep, .. }) = (is_quiet, &mut filter) {
                    grep.names = true;
                    self.at += 1;
                }
                self.filter = Some(filter);
                self.prints = true;
                Expression::Print
            }
            other => return Err(format!("find {other} is not known")),
        })
    }
}

/// Parses the `grep ... {}` of `xargs` and `find -exec`. Returns the filter, and whether it prints nothing (`-q`).
fn files(words: &[Word], each: bool, always: bool) -> Result<(Filter, bool), String> {
    let Some((program, words)) = words.split_first() else { return Err("a command is missing".to_owned()) };
    let Some(syntax) = syntax(&plain(program)?) else {
        return Err(format!("{} is not known here, where grep is", program.source));
    };
    let words: Vec<Word> = words
        .iter()
        .filter(|word| !matches!(word.text().as_deref(), Some("{}" | "/dev/null")))
        .cloned()
        .collect();
    let line = grep(&words, syntax)?;
    if line.count {
        return Err("grep -c inside xargs or find -exec is not known".to_owned());
    }
    match line.paths.as_slice() {
        [] => Ok((Filter::Files { grep: line.grep, each, always }, line.quiet)),
        [path, ..] => Err(format!("{} is not expected behind the pattern", path.source)),
    }
}

/// The syntax of a program's patterns; `None` if the program is no `grep`.
fn syntax(program: &str) -> Option<Syntax> {
    match program.rsplit('/').next() {
        Some("grep") => Some(Syntax::Basic),
        Some("egrep") => Some(Syntax::Extended),
        Some("fgrep") => Some(Syntax::Fixed),
        _ => None,
    }
}

/// The parsed arguments of `grep`.
#[derive(Debug, Default)]
struct GrepLine {
    grep: Grep,
    paths: Vec<Word>,
    recursive: bool,
    quiet: bool,
    count: bool,
}

/// Parses the arguments of `grep`.
fn grep(words: &[Word], syntax: Syntax) -> Result<GrepLine, String> {
    let mut line = GrepLine::default();
    let mut flags = Flags { syntax, ..Flags::default() };
    let mut patterns: Vec<String> = Vec::new();
    let mut rest = words.iter();
    let mut only_words = false;
    while let Some(word) = rest.next() {
        let text = word.text().filter(|text| text.len() > 1 && text.starts_with('-') && !only_words);
        let Some(text) = text else {
            if patterns.is_empty() {
                patterns.push(plain(word)?);
            } else {
                line.paths.push(word.clone());
            }
            continue;
        };
        let mut value = |given: Option<&str>| match given {
            Some(value) => Ok(value.to_owned()),
            None => rest.next().ok_or_else(|| format!("grep {text} needs a value")).and_then(plain),
        };
        if let Some(long) = text.strip_prefix("--") {
            let (name, given) =
                long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            match name {
                "" => only_words = true,
                "regexp" => patterns.push(value(given)?),
                "include" => line.grep.include.push(value(given)?),
                "exclude" | "exclude-dir" => line.grep.exclude.push(value(given)?),
                "recursive" | "dereference-recursive" => line.recursive = true,
                "files-with-matches" => line.grep.names = true,
                "quiet" | "silent" => line.quiet = true,
                "count" => line.count = true,
                "ignore-case" => flags.ignore_case = true,
                "invert-match" => line.grep.invert = true,
                "extended-regexp" | "perl-regexp" => flags.syntax = Syntax::Extended,
                "fixed-strings" => flags.syntax = Syntax::Fixed,
                "no-messages" | "line-number" | "with-filename" | "no-filename" | "only-matching"
                | "color" => {}
                _ => return Err(format!("grep {text} is not known")),
            }
            continue;
        }
        for (at, c) in text.char_indices().skip(1) {
            match c {
                'r' | 'R' => line.recursive = true,
                'l' => line.grep.names = true,
                'q' => line.quiet = true,
                'c' => line.count = true,
                'i' | 'y' => flags.ignore_case = true,
                'v' => line.grep.invert = true,
                'w' => flags.word = true,
                'x' => flags.line = true,
                'E' | 'P' => flags.syntax = Syntax::Extended,
                'F' => flags.syntax = Syntax::Fixed,
                'G' => flags.syntax = Syntax::Basic,
                's' | 'n' | 'H' | 'h' | 'o' | 'a' | 'I' | 'Z' => {}
                'e' | 'm' => {
                    let given = Some(&text[at + 1..]).filter(|given| !given.is_empty());
                    let value = value(given)?;
                    if c == 'e' {
                        patterns.push(value);
                    }
                    break;
                }
                _ => return Err(format!("grep -{c} is not known")),
            }
        }
    }
    if patterns.is_empty() {
        return Err("grep has no pattern".to_owned());
    }
    line.grep.expression = pattern::of_grep(&patterns, flags).map_err(|why| format!("grep: {why}"))?;
    Ok(line)
}

/// The parsed first command of a pipe: the source of lines, the filters that the command itself applies, and
/// whether it prints nothing.
pub type Begun = (Source, Vec<Filter>, bool);

/// Parses the first command of a pipe; `None` if it does not search.
pub fn source(program: &str, words: &[Word]) -> Option<Result<Begun, String>> {
    Some(match program {
        "find" => find(words).map(|(find, filter)| (Source::Find(find), filter.into_iter().collect(), false)),
        "ls" => Ok((Source::List(without_flags(words)), Vec::new(), false)),
        "cat" => Ok((Source::Read(words.to_vec()), Vec::new(), false)),
        program => grep(words, syntax(program)?).map(|line| {
            let here = line.paths.is_empty() && line.recursive;
            let paths = if here { vec![Word::literal(".")] } else { line.paths };
            let count = line.count.then_some(Filter::Count).into_iter().collect();
            (Source::Grep { paths, recursive: line.recursive, grep: line.grep }, count, line.quiet)
        }),
    })
}

fn without_flags(words: &[Word]) -> Vec<Word> {
    words.iter().filter(|word| !word.source.starts_with('-')).cloned().collect()
}

/// Parses a later command of a pipe. Returns the filter, and whether the command prints nothing.
pub fn filter(words: &[Word]) -> Result<(Filter, bool), String> {
    let Some((program, words)) = words.split_first() else { return Err("a command is missing".to_owned()) };
    let program = plain(program)?;
    match program.as_str() {
        "head" | "tail" | "sort" | "uniq" | "cat" | "cut" => Ok((Filter::Pass, false)),
        "wc" if words.iter().all(|word| word.source == "-l") => Ok((Filter::Count, false)),
        "xargs" => xargs(words).map(|filter| (filter, false)),
        name => match syntax(name) {
            Some(syntax) => {
                let line = grep(words, syntax)?;
                if line.count {
                    return Err("grep -c behind a pipe is not known: write wc -l behind it".to_owned());
                }
                match line.paths.first() {
                    Some(path) if path.source != "-" => {
                        Err(format!("{} is not expected behind a pipe", path.source))
                    }
                    _ => Ok((Filter::Lines(line.grep), line.quiet)),
                }
            }
            None => Err(format!("{name} is not known behind a pipe")),
        },
    }
}

fn xargs(words: &[Word]) -> Result<Filter, String> {
    let mut each = false;
    let mut words = words;
    while let Some((first, rest)) = words.split_first() {
        match plain(first)?.as_str() {
            "-0" | "-r" | "--no-run-if-empty" | "--null" => words = rest,
            "-I" => {
                each = true;
                words = rest.get(1..).unwrap_or_default();
            }
            "-I{}" | "-i" => {
                each = true;
                words = rest;
            }
            "-n1" | "-L1" => {
                each = true;
                words = rest;
            }
            text if text.starts_with('-') => return Err(format!("xargs {text} is not known")),
            _ => break,
        }
    }
    match files(words, each, false)? {
        (_, true) => Err("grep -q behind xargs prints nothing".to_owned()),
        (filter, false) => Ok(filter),
    }
}

/// Parses the arguments of `test`, `[` and `[[`, without the closing bracket.
pub fn test(words: &[Word]) -> Result<Test, String> {
    let texts: Vec<Option<String>> = words.iter().map(Word::text).collect();
    let texts: Vec<&str> = texts.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
    let parts = |sign: &str| -> Result<Vec<Test>, String> {
        words.split(|word| word.source == sign).map(test).collect()
    };
    match texts.as_slice() {
        _ if words.len() > 64 => Err("this test has too many parts".to_owned()),
        _ if words.iter().any(|word| word.source == "-o") => parts("-o").map(Test::Any),
        _ if words.iter().any(|word| word.source == "-a") => parts("-a").map(Test::All),
        ["!", ..] if words.len() > 1 => Ok(Test::Not(Box::new(test(&words[1..])?))),
        [flag, _] => {
            let word = words[1].clone();
            Ok(match *flag {
                "-f" => Test::Exists(word, PathKind::File),
                "-e" | "-r" => Test::Exists(word, PathKind::Any),
                "-d" => Test::Exists(word, PathKind::Folder),
                "-s" => Test::Exists(word, PathKind::Filled),
                "-n" => Test::IsText(word),
                "-z" => Test::Not(Box::new(Test::IsText(word))),
                other => return Err(format!("the test {other} is not known")),
            })
        }
        [_, sign @ ("=" | "==" | "!="), _] => {
            if words[2].is_pattern() {
                return Err("a comparison with a pattern is not known".to_owned());
            }
            let same = Test::Same(words[0].clone(), words[2].clone());
            Ok(if *sign == "!=" { Test::Not(Box::new(same)) } else { same })
        }
        [_] => Ok(Test::IsText(words[0].clone())),
        _ => Err("this test is not known".to_owned()),
    }
}
