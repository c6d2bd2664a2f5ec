//! Eight messages in the lanes of one register.

use super::{Algorithm, BLOCK_OCTETS, Block, LANES, Message};
use std::arch::x86_64::*;

/// Takes the blocks of up to eight messages into their states.
#[target_feature(enable = "avx2")]
pub(super) fn digest_group<A: Algorithm<W>, const W: usize>(group: &mut [Message<W>], blocks: &[Block]) {
    static NOTHING: Block = [0; BLOCK_OCTETS];
    let most = group.iter().map(|message| message.count).max().unwrap_or(0);
    let mut lanes = [[0u32; LANES]; W];
    for (lane, message) in group.iter().enumerate().take(LANES) {
        for (row, word) in lanes.iter_mut().zip(message.state) {
            row[lane] = word;
        }
    }
    let mut state = lanes.map(|row| load(&row));
    for number in 0..most {
        let mut now = [&NOTHING; LANES];
        let mut active = [0u32; LANES];
        for ((place, mark), message) in now.iter_mut().zip(&mut active).zip(group.iter()) {
            if number < message.count
                && let Some(block) = blocks.get(message.first + number)
            {
                (*place, *mark) = (block, u32::MAX);
            }
        }
        // SAFETY: this function is only called where there is AVX2.
        let next = unsafe { A::compress_eight(state, &now) };
        let active = load(&active);
        for (old, new) in state.iter_mut().zip(next) {
            *old = _mm256_blendv_epi8(*old, new, active);
        }
    }
    for (row, word) in lanes.iter_mut().zip(state) {
        store(row, word);
    }
    for (lane, message) in group.iter_mut().enumerate().take(LANES) {
        for (word, row) in message.state.iter_mut().zip(&lanes) {
            *word = row[lane];
        }
    }
}

/// Word n of every block beside each other.
#[target_feature(enable = "avx2")]
pub(super) fn words_of(blocks: &[&Block; LANES]) -> [__m256i; 16] {
    let mut words = [_mm256_setzero_si256(); 16];
    for (half, places) in words.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let rows = blocks.map(|block| {
            let (chunks, _) = block.as_chunks::<32>();
            // SAFETY: 32 octets are there; the load asks for no alignment.
            unsafe { _mm256_loadu_si256(chunks[half].as_ptr().cast()) }
        });
        *places = transposed(rows);
    }
    words
}

#[target_feature(enable = "avx2")]
fn transposed(rows: [__m256i; 8]) -> [__m256i; 8] {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
    let pair = |a, b| (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    let ((a0, a1), (a2, a3)) = (pair(r0, r1), pair(r2, r3));
    let ((a4, a5), (a6, a7)) = (pair(r4, r5), pair(r6, r7));
    let four = |a, b| (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let ((b0, b1), (b2, b3)) = (four(a0, a2), four(a1, a3));
    let ((b4, b5), (b6, b7)) = (four(a4, a6), four(a5, a7));
    let low = |a, b| _mm256_permute2x128_si256::<0x20>(a, b);
    let high = |a, b| _mm256_permute2x128_si256::<0x31>(a, b);
    [
        low(b0, b4),
        low(b1, b5),
        low(b2, b6),
        low(b3, b7),
        high(b0, b4),
        high(b1, b5),
        high(b2, b6),
        high(b3, b7),
    ]
}

#[target_feature(enable = "avx2")]
fn load(row: &[u32; LANES]) -> __m256i {
    // SAFETY: eight words are there; the load asks for no alignment.
    unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn store(row: &mut [u32; LANES], word: __m256i) {
    // SAFETY: eight words have room; the store asks for no alignment.
    unsafe { _mm256_storeu_si256(row.as_mut_ptr().cast(), word) }
}
