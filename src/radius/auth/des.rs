//! DES (FIPS 46-3), one block under a kept key, as MS-CHAP wants it. Not for anything that is to stay secret.
//!
//! The substitution and the permutation that follows it are one table look-up for each S-box, and the three blocks of a
//! challenge response go through the rounds side by side.

/// The keys of the 16 rounds, six bits for each S-box in an octet of its own, S1 in the highest.
pub type Schedule = [[u8; 8]; 16];

const ROUNDS: usize = 16;

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
    TURNS.map(|turns| {
        left = (left << turns | left >> (28 - turns)) & HALF;
        right = (right << turns | right >> (28 - turns)) & HALF;
        let bits = permuted(left << 28 | right, 56, &PC2);
        std::array::from_fn(|number| (bits >> (42 - 6 * number)).to_le_bytes()[0] & 63)
    })
}

/// One block under three keys.
pub fn encrypt_three(schedules: &[Schedule; 3], block: [u8; 8]) -> [[u8; 8]; 3] {
    let (left, right) = initial(u64::from_be_bytes(block));
    let mut halves = [(left, right); 3];
    for round in 0..ROUNDS {
        for ((left, right), schedule) in halves.iter_mut().zip(schedules) {
            let next = *left ^ mixed(*right, &schedule[round]);
            *left = *right;
            *right = next;
        }
    }
    halves.map(|(left, right)| last(right, left).to_be_bytes())
}

/// One block under one key.
pub fn encrypt(schedule: &Schedule, block: [u8; 8]) -> [u8; 8] {
    let [first, ..] = encrypt_three(&[*schedule; 3], block);
    first
}

/// The function of a round: half a block, spread to 48 bits, with the round's key, through the S-boxes.
#[inline(always)]
fn mixed(half: u32, keys: &[u8; 8]) -> u32 {
    let mut output = 0;
    for (number, (table, key)) in (0u32..).zip(SUBSTITUTED.iter().zip(keys)) {
        let [input, ..] = half.rotate_left(4 * number + 5).to_le_bytes();
        output |= table[usize::from((input ^ key) & 63)];
    }
    output
}

/// Exchanges the bits of `a` under `mask` with those of `b`, `turn` places higher.
fn exchange(a: &mut u32, b: &mut u32, turn: u32, mask: u32) {
    let difference = (*a >> turn ^ *b) & mask;
    *b ^= difference;
    *a ^= difference << turn;
}

/// The initial permutation, as five exchanges instead of 64 single bits.
fn initial(block: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = block.to_be_bytes();
    let (mut left, mut right) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    exchange(&mut left, &mut right, 4, 0x0f0f_0f0f);
    exchange(&mut left, &mut right, 16, 0x0000_ffff);
    exchange(&mut right, &mut left, 2, 0x3333_3333);
    exchange(&mut right, &mut left, 8, 0x00ff_00ff);
    exchange(&mut left, &mut right, 1, 0x5555_5555);
    (left, right)
}

/// Its inverse.
fn last(mut left: u32, mut right: u32) -> u64 {
    exchange(&mut left, &mut right, 1, 0x5555_5555);
    exchange(&mut right, &mut left, 8, 0x00ff_00ff);
    exchange(&mut right, &mut left, 2, 0x3333_3333);
    exchange(&mut left, &mut right, 16, 0x0000_ffff);
    exchange(&mut left, &mut right, 4, 0x0f0f_0f0f);
    u64::from(left) << 32 | u64::from(right)
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
            prop_assert_eq!(encrypt_three(&keys.map(schedule), block), expected);
            prop_assert_eq!(encrypt(&schedule(keys[0]), block), expected[0]);
        }
    }
}
