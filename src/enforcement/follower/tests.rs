use super::*;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, sync_channel};

/// A server that says its name as the epoch, and nothing new after that.
struct Stand {
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Stand {
    /// Breaks off after so many answers on each connection.
    fn start(path: &Path, name: &'static str, answers_max: usize) -> Stand {
        let listener = UnixListener::bind(path).unwrap();
        let stand = Stand { asked: Arc::default(), down: Arc::default() };
        let (asked, down) = (Arc::clone(&stand.asked), Arc::clone(&stand.down));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (asked, down) = (Arc::clone(&asked), Arc::clone(&down));
                std::thread::spawn(move || serve(stream, name, answers_max, &asked, &down));
            }
        });
        stand
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn serve(mut stream: UnixStream, name: &str, answers_max: usize, asked: &AtomicUsize, down: &AtomicBool) {
    let mut buffer = [0; 4096];
    for _ in 0..answers_max {
        let Ok(length @ 1..) = stream.read(&mut buffer) else { return };
        if down.load(Ordering::Relaxed) {
            return;
        }
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let cursor = format!("{name}.1");
        let answer = if request.contains("If-None-Match: *") {
            "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned()
        } else {
            asked.fetch_add(1, Ordering::Relaxed);
            let full = !request.contains(&format!("since={cursor}"));
            if !full {
                std::thread::sleep(Duration::from_millis(20));
            }
            let page = FeedPage { cursor, full, ..FeedPage::default() };
            let body = serde_json::to_string(&page).unwrap();
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A follower in a thread, and the cursors of the whole states that it was given.
struct Following {
    pages: Receiver<Event>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Following {
    fn start(paths: &[&Path]) -> Following {
        let (events, pages) = sync_channel(1000);
        let stop: Arc<AtomicBool> = Arc::default();
        let follower = Follower {
            servers: paths.iter().map(|path| Server::unix(*path)).collect(),
            nas: None,
            cursor: String::new(),
            events,
            stop: Arc::clone(&stop),
            start_over: Arc::default(),
            look_back: Duration::from_millis(10),
        };
        Following { pages, stop, thread: Some(std::thread::spawn(|| follower.run())) }
    }

    /// The server that the next whole state is of.
    fn next_whole(&self) -> String {
        loop {
            match self.pages.recv_timeout(Duration::from_secs(20)).unwrap() {
                Event::Page(page) if page.full => {
                    return page.cursor.split('.').next().unwrap_or_default().to_owned();
                }
                _ => {}
            }
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let start = Instant::now();
        self.thread.take().unwrap().join().unwrap();
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}

#[test]
fn an_earlier_server_is_followed_again_once_it_has_been_answering_for_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (directory.path().join("one"), directory.path().join("two"));
    let second = Stand::start(&two, "b", usize::MAX);
    let following = Following::start(&[&one, &two]);
    assert_eq!(following.next_whole(), "b");
    let first = Stand::start(&one, "a", usize::MAX);
    assert_eq!(following.next_whole(), "a");
    let asked = second.asked();
    first.down.store(true, Ordering::Relaxed);
    assert_eq!(following.next_whole(), "b", "and the later one when that is gone");
    assert!(second.asked() > asked);
}

#[test]
fn a_server_that_comes_and_goes_does_not_keep_the_next_one_from_being_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (directory.path().join("one"), directory.path().join("two"));
    let first = Stand::start(&one, "a", 1);
    let _second = Stand::start(&two, "b", usize::MAX);
    let following = Following::start(&[&one, &two]);
    assert_eq!(following.next_whole(), "a");
    assert_eq!(following.next_whole(), "b");
    first.down.store(true, Ordering::Relaxed);
}

#[test]
fn servers_that_do_not_answer_are_asked_at_bounded_pace_and_never_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (directory.path().join("one"), directory.path().join("two"));
    let following = Following::start(&[&one, &two]);
    std::thread::sleep(Duration::from_millis(300));
    let _second = Stand::start(&two, "b", usize::MAX);
    assert_eq!(following.next_whole(), "b");
}

#[test]
fn the_cursor_and_the_nas_are_sent_back_encoded() {
    let (events, _keep) = std::sync::mpsc::sync_channel(1);
    let mut follower = Follower {
        servers: Vec::new(),
        nas: Some("2001:db8::1".parse().unwrap()),
        cursor: String::new(),
        events,
        stop: Arc::default(),
        start_over: Arc::default(),
        look_back: Duration::ZERO,
    };
    assert_eq!(follower.target(25), "/feed?wait=25&nas=2001%3Adb8%3A%3A1");
    follower.cursor = "7f3a.17&x".into();
    assert_eq!(follower.target(25), "/feed?wait=25&since=7f3a.17%26x&nas=2001%3Adb8%3A%3A1");
}
