//! Owns the thought of settings that are read again and again while a service runs: when what was
//! read counts, and what is to be done about it. No clock and no files.

/// What was read, or why it is bad, in words without secrets.
pub type Read<T> = Result<T, String>;

/// What to do about what was read.
#[derive(PartialEq, Eq, Debug)]
pub enum Verdict<T> {
    /// It is what holds, or it is not settled yet.
    Keep,
    /// It is what holds, after something bad was.
    Mended,
    /// It holds from now on.
    Swap(T),
    /// It is bad, for a reason that was not said yet.
    Refuse(String),
}

/// What is known of the settings.
#[derive(Debug)]
pub struct Judge<T> {
    holds: T,
    last: Option<Read<T>>,
    said: Option<String>,
}

impl<T: Clone + PartialEq> Judge<T> {
    /// What holds at first.
    pub fn new(holds: T) -> Self {
        Self {
            holds,
            last: None,
            said: None,
        }
    }

    /// Judges what was read. A change counts once it was read twice: whoever writes a file may not
    /// be done. When it was `asked` for, whoever asked is done.
    pub fn judge(&mut self, read: Read<T>, asked: bool) -> Verdict<T> {
        let is_settled = asked || self.last.as_ref() == Some(&read);
        self.last = Some(read.clone());
        if !is_settled {
            return Verdict::Keep;
        }
        match read {
            Ok(read) => {
                let was_bad = self.said.take().is_some();
                if read != self.holds {
                    self.holds = read.clone();
                    Verdict::Swap(read)
                } else if was_bad {
                    Verdict::Mended
                } else {
                    Verdict::Keep
                }
            }
            Err(reason) if self.said.as_ref() == Some(&reason) && !asked => Verdict::Keep,
            Err(reason) => {
                self.said = Some(reason.clone());
                Verdict::Refuse(reason)
            }
        }
    }
}

#[cfg(test)]
mod tests;
