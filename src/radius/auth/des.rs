//! DES (FIPS 46-3), one block under a kept key, as MS-CHAP wants it. Not for anything that is to stay secret.
//!
//! The substitution and the permutation that follows it are one table look-up for each S-box, and the three blocks of a
//! challenge response go through the rounds side by side, in as many lanes as the words have.

use crate::radius::lanes::Word;

const ROUNDS: usize = 16;
/// Words of one key's schedule: two for each round.
const SCHEDULE_WORDS: usize = 2 * ROUNDS;
/// Words of three.
pub const SCHEDULES_WORDS: usize = 3 * SCHEDULE_WORDS;

/// The keys of the 16 rounds, six bits for each S-box in an octet of its own: a word for S3, S5, S7 and S1, highest
/// first, and one for S4, S6, S8 and S2, which is how half a block lies when turned by 5 and by 9.
pub type Schedule = [u32; SCHEDULE_WORDS];

#[rustfmt::skip]
const S: [[u8; 64]; 8] = [
    [14,4,13,1,2,15,11,8,3,10,6,12,5,9,0,7, 0,15,7,4,14,2,13,1,10,6,12,11,9,5,3,8,
     4,1,14,8,13,6,2,11,15,12,9,7,3,10,5,0, 15,12,8,2,4,9,1,7,5,11,3,14,10,0,6,13],
    [15,1,8,14,6,11,3,4,9,7,2,13,12,0,5,10, 3,13,4,7,15,2,8,14,12,0,1,10,6,9,11,5,
     0,14,7,11,10,4,13,1,5,8,12,6,9,3,2,15, 13,8,10,1,3,15,4,2,11,6,7,12,0,5,14,9],
    [10,0,9,14,6,3,15,5,1,13,12,7,11,4,2,8, 13,7,0,9,3,4,6,10,2,8,5,14,12,11,15,1,
     13,6,4,9,8,15,3,0,11,1,2,12,5,10,14,7, 1,10,13,0,6,9,8,7,4,15,14,3,11,5,2,12],
    [7,13,14,3,0,6,9,10,1,2,8,5,11,12,4,15, 13,8,11,5,6,15,0,3,4,7,2,12,1,10,14,9,
     10,6,9,0,12,11,7,13,15,1,3,14,5,2,8,4, 3,15,0,6,10,1,13,8,9,4,5,11,12,7,2,14],
    [2,12,4,1,7,10,11,6,8,5,3,15,13,0,14,9, 14,11,2,12,4,7,13,1,5,0,15,10,3,9,8,6,
     4,2,1,11,10,13,7,8,15,9,12,5,6,3,0,14, 11,8,12,7,1,14,2,13,6,15,0,9,10,4,5,3],
    [12,1,10,15,9,2,6,8,0,13,3,4,14,7,5,11, 10,15,4,2,7,12,9,5,6,1,13,14,0,11,3,8,
     9,14,15,5,2,8,12,3,7,0,4,10,1,13,11,6, 4,3,2,12,9,5,15,10,11,14,1,7,6,0,8,13],
    [4,11,2,14,15,0,8,13,3,12,9,7,5,10,6,1, 13,0,11,7,4,9,1,10,14,3,5,12,2,15,8,6,
     1,4,11,13,12,3,7,14,10,15,6,8,0,5,9,2, 6,11,13,8,1,4,10,7,9,5,0,15,14,2,3,12],
    [13,2,8,4,6,15,11,1,10,9,3,14,5,0,12,7, 1,15,13,8,10,3,7,4,12,5,6,11,0,14,9,2,
     7,11,4,1,9,12,14,2,0,6,10,13,15,3,5,8, 2,1,14,7,4,10,8,13,15,12,9,0,3,5,6,11],
];

#[rustfmt::skip]
const P: [u8; 32] = [
    16,7,20,21,29,12,28,17, 1,15,23,26,5,18,31,10, 2,8,24,14,32,27,3,9, 19,13,30,6,22,11,4,25,
];

#[rustfmt::skip]
const PC1: [u8; 56] = [
    57,49,41,33,25,17,9, 1,58,50,42,34,26,18, 10,2,59,51,43,35,27, 19,11,3,60,52,44,36,
    63,55,47,39,31,23,15, 7,62,54,46,38,30,22, 14,6,61,53,45,37,29, 21,13,5,28,20,12,4,
];

#[rustfmt::skip]
const PC2: [u8; 48] = [
    14,17,11,24,1,5, 3,28,15,6,21,10, 23,19,12,4,26,8, 16,7,27,20,13,2,
    41,52,31,37,47,55, 30,40,51,45,33,48, 44,49,39,56,34,53, 46,42,50,36,29,32,
];

/// Left turns of both halves of the key before each round.
const TURNS: [u8; ROUNDS] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

/// For each S-box and its six input bits: the output at its four places after P.
static SUBSTITUTED: [[u32; 64]; 8] = substituted();

const fn substituted() -> [[u32; 64]; 8] {
    let mut table = [[0u32; 64]; 8];
    let mut number = 0;
    while number < 8 {
        let mut input = 0;
        while input < 64 {
            // The outer two bits choose the row, the inner four the column.
            let row = (input >> 4 & 2) | (input & 1);
            let output = S[number][row * 16 + (input >> 1 & 15)] as u32;
            let before = output << (28 - 4 * number);
            let mut bit = 0;
            while bit < 32 {
                table[number][input] |= (before >> (32 - P[bit] as u32) & 1) << (31 - bit);
                bit += 1;
            }
            input += 1;
        }
        number += 1;
    }
    table
}

/// Bits of a value of `width` bits, counted from 1 at the highest, in the order of a table.
fn permuted(value: u64, width: u8, table: &[u8]) -> u64 {
    table.iter().fold(0, |bits, place| bits << 1 | (value >> (width - place) & 1))
}

/// The round keys of a key of eight octets; the lowest bit of each octet is not read.
pub fn schedule(key: [u8; 8]) -> Schedule {
    const HALF: u64 = (1 << 28) - 1;
    let chosen = permuted(u64::from_be_bytes(key), 64, &PC1);
    let (mut left, mut right) = (chosen >> 28, chosen & HALF);
    let mut schedule = [0; SCHEDULE_WORDS];
    for (round, turns) in schedule.as_chunks_mut::<2>().0.iter_mut().zip(TURNS) {
        left = (left << turns | left >> (28 - turns)) & HALF;
        right = (right << turns | right >> (28 - turns)) & HALF;
        let bits = permuted(left << 28 | right, 56, &PC2);
        let of_box = |number: u8| (bits >> (48 - 6 * number)).to_le_bytes()[0] & 63;
        *round = [[3, 5, 7, 1], [4, 6, 8, 2]].map(|boxes| u32::from_be_bytes(boxes.map(of_box)));
    }
    schedule
}

/// One block, as two big-endian words, under three keys.
#[inline(always)]
pub fn encrypt_three<V: Word>(schedules: &[V; SCHEDULES_WORDS], block: [V; 2]) -> [V; 6] {
    let (first, rest) = schedules.as_chunks::<2>().0.split_at(ROUNDS);
    let (second, third) = rest.split_at(ROUNDS);
    let halves = initial(block);
    let [mut a, mut b, mut c] = [halves; 3];
    for ((first, second), third) in first.iter().zip(second).zip(third) {
        a = round(a, *first);
        b = round(b, *second);
        c = round(c, *third);
    }
    let ([a0, a1], [b0, b1], [c0, c1]) = (last(a), last(b), last(c));
    [a0, a1, b0, b1, c0, c1]
}

/// One block under one key.
pub fn encrypt(schedule: &Schedule, block: [u8; 8]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h] = block;
    let words = [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])];
    let rounds = schedule.as_chunks::<2>().0;
    let [left, right] = last(rounds.iter().fold(initial(words), |halves, keys| round(halves, *keys)));
    (u64::from(left) << 32 | u64::from(right)).to_be_bytes()
}

/// A round: half a block, spread to 48 bits, with the round's key, through the S-boxes, into the other half.
#[inline(always)]
fn round<V: Word>([left, right]: [V; 2], [odd, even]: [V; 2]) -> [V; 2] {
    let [s1, s2, s3, s4, s5, s6, s7, s8] = &SUBSTITUTED;
    let (odd, even) = (right.turn::<5, 27>().xor(odd), right.turn::<9, 23>().xor(even));
    let next = left
        .xor_entry::<0, 26>(odd, s1)
        .xor_entry::<0, 26>(even, s2)
        .xor_entry::<24, 2>(odd, s3)
        .xor_entry::<24, 2>(even, s4)
        .xor_entry::<16, 10>(odd, s5)
        .xor_entry::<16, 10>(even, s6)
        .xor_entry::<8, 18>(odd, s7)
        .xor_entry::<8, 18>(even, s8);
    [right, next]
}

/// Exchanges the bits of `a` under `mask` with those of `b`, L places higher. What turns in from the other end is never
/// under these masks.
#[inline(always)]
fn exchange<const L: i32, const R: i32, V: Word>(a: &mut V, b: &mut V, mask: u32) {
    let difference = a.all(mask).choose(a.turn::<R, L>().xor(*b), a.all(0));
    *b = b.xor(difference);
    *a = a.xor(difference.turn::<L, R>());
}

/// The initial permutation, as five exchanges instead of 64 single bits.
#[inline(always)]
fn initial<V: Word>([mut left, mut right]: [V; 2]) -> [V; 2] {
    exchange::<4, 28, V>(&mut left, &mut right, 0x0f0f_0f0f);
    exchange::<16, 16, V>(&mut left, &mut right, 0x0000_ffff);
    exchange::<2, 30, V>(&mut right, &mut left, 0x3333_3333);
    exchange::<8, 24, V>(&mut right, &mut left, 0x00ff_00ff);
    exchange::<1, 31, V>(&mut left, &mut right, 0x5555_5555);
    [left, right]
}

/// Its inverse, of the halves after the last round, which are not exchanged.
#[inline(always)]
fn last<V: Word>([mut right, mut left]: [V; 2]) -> [V; 2] {
    exchange::<1, 31, V>(&mut left, &mut right, 0x5555_5555);
    exchange::<8, 24, V>(&mut right, &mut left, 0x00ff_00ff);
    exchange::<2, 30, V>(&mut right, &mut left, 0x3333_3333);
    exchange::<16, 16, V>(&mut left, &mut right, 0x0000_ffff);
    exchange::<4, 28, V>(&mut left, &mut right, 0x0f0f_0f0f);
    [left, right]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::des::cipher::{BlockCipherEncrypt, KeyInit};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_block_under_every_key_is_that_of_the_other_implementation(
            keys in any::<[[u8; 8]; 3]>(),
            block in any::<[u8; 8]>(),
        ) {
            let expected = keys.map(|key| {
                let mut block = block.into();
                ::des::Des::new(&key.into()).encrypt_block(&mut block);
                <[u8; 8]>::from(block)
            });
            let mut schedules = [0; SCHEDULES_WORDS];
            schedules.copy_from_slice(keys.map(schedule).as_flattened());
            let words = [0, 4].map(|at| u32::from_be_bytes(block[at..at + 4].try_into().unwrap()));
            let three = encrypt_three(&schedules, words).map(u32::to_be_bytes);
            prop_assert_eq!(three.as_flattened(), expected.as_flattened());
            prop_assert_eq!(encrypt(&schedule(keys[0]), block), expected[0]);
        }
    }
}
