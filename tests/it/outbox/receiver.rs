//! A small HTTP server that remembers what it was sent and answers as it is told.

use crate::network::wait_until;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A POST that came.
#[derive(Clone, Debug)]
pub struct Post {
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub at: Instant,
}

impl Post {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

/// What to answer to the post with this number (from 0) and content: a status and a wait before it.
type Answer = dyn Fn(usize, &Post) -> (u16, Duration) + Send + Sync;

pub struct Receiver {
    address: SocketAddr,
    posts: Arc<Mutex<Vec<Post>>>,
    answer: Arc<Mutex<Box<Answer>>>,
}

impl Receiver {
    /// Answers 204 at once.
    pub fn start() -> Receiver {
        Receiver::answering(|_, _| (204, Duration::ZERO))
    }

    pub fn answering(answer: impl Fn(usize, &Post) -> (u16, Duration) + Send + Sync + 'static) -> Receiver {
        Receiver::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub fn on(
        listener: TcpListener,
        answer: impl Fn(usize, &Post) -> (u16, Duration) + Send + Sync + 'static,
    ) -> Receiver {
        let receiver = Receiver {
            address: listener.local_addr().unwrap(),
            posts: Arc::default(),
            answer: Arc::new(Mutex::new(Box::new(answer))),
        };
        let (posts, answer) = (Arc::clone(&receiver.posts), Arc::clone(&receiver.answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (posts, answer) = (Arc::clone(&posts), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &posts, &answer));
            }
        });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook?token=hush", self.address)
    }

    /// Answers otherwise from now on.
    pub fn now_answers(&self, answer: impl Fn(usize, &Post) -> (u16, Duration) + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    /// Waits until so many posts have come.
    pub fn wait_for(&self, count: usize) -> Vec<Post> {
        wait_until(&format!("{count} posts"), super::SOON, || self.posts().len() >= count);
        self.posts()
    }
}

fn serve(stream: TcpStream, posts: &Mutex<Vec<Post>>, answer: &Mutex<Box<Answer>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(post) = read(&mut reader) {
        let number = {
            let mut posts = posts.lock().unwrap();
            posts.push(post.clone());
            posts.len() - 1
        };
        let (status, wait) = answer.lock().unwrap()(number, &post);
        std::thread::sleep(wait);
        let head =
            format!("HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Post> {
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    assert!(line.starts_with("POST /hook?token=hush HTTP/1.1"), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some(Post { headers, body: String::from_utf8(body).unwrap(), at: Instant::now() })
}
