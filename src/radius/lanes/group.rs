//! Work in lanes, with the best that the processor has.

use super::word::{LANES, Word};
use super::{Algorithm, Block, Message};

/// The same work for several inputs: I and J words of each lane, as they lie in memory, give O words.
pub trait Kernel<const I: usize, const J: usize, const O: usize> {
    fn run<V: Word>(first: &[V; I], second: &[V; J]) -> [V; O];
}

/// Runs a kernel for up to eight inputs, whose words come as numbers; I and J are multiples of 8. Word n of the result
/// for input m is `[n][m]`.
pub fn run<K: Kernel<I, J, O>, const I: usize, const J: usize, const O: usize>(
    inputs: &[(&[u32; I], &[u32; J])],
) -> [[u32; LANES]; O] {
    const { assert!(I.is_multiple_of(LANES) && J.is_multiple_of(LANES)) };
    #[cfg(target_arch = "x86_64")]
    if inputs.len() > 1 {
        if x86::has_avx512() {
            // SAFETY: the processor has it.
            return unsafe { x86::run_avx512::<K, I, J, O>(inputs) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has it.
            return unsafe { x86::run_avx2::<K, I, J, O>(inputs) };
        }
    }
    let mut results = [[0; LANES]; O];
    for (lane, (first, second)) in inputs.iter().enumerate().take(LANES) {
        for (row, word) in results.iter_mut().zip(K::run(first, second)) {
            row[lane] = word;
        }
    }
    results
}

/// Digests messages whose blocks are among these.
pub(super) fn digest<A: Algorithm<W>, const W: usize>(messages: &mut [Message<W>], blocks: &[Block]) {
    #[cfg(target_arch = "x86_64")]
    if messages.len() > 1 {
        if x86::has_avx512() {
            // SAFETY: the processor has it.
            return unsafe { x86::digest_avx512::<A, W>(messages, blocks) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has it.
            return unsafe { x86::digest_avx2::<A, W>(messages, blocks) };
        }
    }
    for message in messages {
        for block in blocks.iter().skip(message.first).take(message.count) {
            A::compress(&mut message.state, block);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::avx2::{Avx2, Avx512};
    use super::super::word::{LANES, Lanes, Two};
    use super::super::{Algorithm, BLOCK_OCTETS, Block, Message};
    use super::Kernel;

    /// Lanes of the widest group.
    const GROUP: usize = 2 * LANES;

    pub fn has_avx512() -> bool {
        std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx2")
    }

    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn run_avx2<K: Kernel<I, J, O>, const I: usize, const J: usize, const O: usize>(
        inputs: &[(&[u32; I], &[u32; J])],
    ) -> [[u32; LANES]; O] {
        // SAFETY: as the caller promises.
        unsafe { run_lanes::<K, Avx2, I, J, O>(inputs) }
    }

    /// # Safety
    /// The processor has AVX2 and AVX-512 F, VL and DQ.
    #[target_feature(enable = "avx2,avx512f,avx512vl,avx512dq")]
    pub unsafe fn run_avx512<K: Kernel<I, J, O>, const I: usize, const J: usize, const O: usize>(
        inputs: &[(&[u32; I], &[u32; J])],
    ) -> [[u32; LANES]; O] {
        // SAFETY: as the caller promises.
        unsafe { run_lanes::<K, Avx512, I, J, O>(inputs) }
    }

    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn digest_avx2<A: Algorithm<W>, const W: usize>(
        messages: &mut [Message<W>],
        blocks: &[Block],
    ) {
        // SAFETY: as the caller promises.
        unsafe { digest_groups::<A, Avx2, W>(messages, blocks) }
    }

    /// # Safety
    /// The processor has AVX2 and AVX-512 F, VL and DQ.
    #[target_feature(enable = "avx2,avx512f,avx512vl,avx512dq")]
    pub unsafe fn digest_avx512<A: Algorithm<W>, const W: usize>(
        messages: &mut [Message<W>],
        blocks: &[Block],
    ) {
        // SAFETY: as the caller promises.
        unsafe { digest_groups::<A, Avx512, W>(messages, blocks) }
    }

    #[inline(always)]
    unsafe fn run_lanes<K: Kernel<I, J, O>, V: Lanes, const I: usize, const J: usize, const O: usize>(
        inputs: &[(&[u32; I], &[u32; J])],
    ) -> [[u32; LANES]; O] {
        // SAFETY: as the caller promises.
        let (first, second) = unsafe {
            (
                words::<V, I>(std::array::from_fn(|lane| inputs.get(lane).map_or(&[0; I], |input| input.0))),
                words::<V, J>(std::array::from_fn(|lane| inputs.get(lane).map_or(&[0; J], |input| input.1))),
            )
        };
        let mut results = [[0; LANES]; O];
        for (row, word) in results.iter_mut().zip(K::run(&first, &second)) {
            word.store(row);
        }
        results
    }

    /// Word n of every lane beside each other.
    #[inline(always)]
    unsafe fn words<V: Lanes, const N: usize>(lanes: [&[u32; N]; LANES]) -> [V; N] {
        // SAFETY: as the caller promises.
        let mut words = unsafe { [V::load(&[0; LANES]); N] };
        for (at, places) in words.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let mut parts = [&[0u8; 32]; LANES];
            for (part, lane) in parts.iter_mut().zip(lanes) {
                // SAFETY: N is a multiple of 8, so eight words are there from 8 * at.
                *part = unsafe { &*lane.as_ptr().add(at * LANES).cast::<[u8; 32]>() };
            }
            // SAFETY: as the caller promises.
            *places = unsafe { V::eight(&parts) };
        }
        words
    }

    #[inline(always)]
    unsafe fn digest_groups<A: Algorithm<W>, V: Lanes, const W: usize>(
        messages: &mut [Message<W>],
        blocks: &[Block],
    ) {
        for group in messages.chunks_mut(GROUP) {
            // SAFETY: as the caller promises.
            match group.len() > LANES {
                true => unsafe { digest_group::<A, Two<V>, W>(group, blocks) },
                false => unsafe { digest_group::<A, V, W>(group, blocks) },
            }
        }
    }

    /// Takes the blocks of as many messages as there are lanes into their states.
    #[inline(always)]
    unsafe fn digest_group<A: Algorithm<W>, V: Lanes, const W: usize>(
        group: &mut [Message<W>],
        blocks: &[Block],
    ) {
        static NOTHING: Block = [0; BLOCK_OCTETS];
        let most = group.iter().map(|message| message.count).max().unwrap_or(0);
        let least = group.iter().map(|message| message.count).min().unwrap_or(0);
        let mut rows = [[0u32; GROUP]; W];
        for (lane, message) in group.iter().enumerate().take(V::COUNT) {
            for (row, word) in rows.iter_mut().zip(message.state) {
                row[lane] = word;
            }
        }
        // SAFETY: as the caller promises.
        let mut state = unsafe { [V::load(&[0; GROUP]); W] };
        for (word, row) in state.iter_mut().zip(&rows) {
            // SAFETY: as the caller promises.
            *word = unsafe { V::load(row) };
        }
        for number in 0..most {
            let mut now = [&NOTHING; GROUP];
            let mut active = [0u32; GROUP];
            for ((place, mark), message) in now.iter_mut().zip(&mut active).zip(group.iter()) {
                if number < message.count
                    && let Some(block) = blocks.get(message.first + number)
                {
                    (*place, *mark) = (block, u32::MAX);
                }
            }
            // SAFETY: as the caller promises.
            let words = unsafe { block_words::<V>(&now, A::BIG_ENDIAN) };
            let next = A::rounds(state, &words);
            if number < least {
                state = next;
                continue;
            }
            // SAFETY: as the caller promises.
            let active = unsafe { V::load(&active) };
            for (old, new) in state.iter_mut().zip(next) {
                *old = old.or_where(active, new);
            }
        }
        for (row, word) in rows.iter_mut().zip(state) {
            word.store(row);
        }
        for (lane, message) in group.iter_mut().enumerate().take(V::COUNT) {
            for (word, row) in message.state.iter_mut().zip(&rows) {
                *word = row[lane];
            }
        }
    }

    /// Word n of every block beside each other.
    #[inline(always)]
    unsafe fn block_words<V: Lanes>(blocks: &[&Block; GROUP], big_endian: bool) -> [V; 16] {
        let mut halves = [[&[0u8; 32]; GROUP]; 2];
        let [first, second] = &mut halves;
        for ((first, second), block) in first.iter_mut().zip(second).zip(blocks) {
            if let Some((start, end)) = block.split_first_chunk::<32>()
                && let Some(end) = end.first_chunk::<32>()
            {
                (*first, *second) = (start, end);
            }
        }
        let [first, second] = &halves;
        // SAFETY: as the caller promises.
        let mut words = unsafe { [V::load(&[0; GROUP]); 16] };
        let (low, high) = words.split_at_mut(8);
        // SAFETY: as the caller promises.
        unsafe {
            low.copy_from_slice(&V::eight(first));
            high.copy_from_slice(&V::eight(second));
        }
        if big_endian {
            for word in &mut words {
                *word = word.swapped();
            }
        }
        words
    }
}

/// The results of [`run`] by every way that this processor has.
#[cfg(test)]
pub fn run_every_way<K: Kernel<I, J, O>, const I: usize, const J: usize, const O: usize>(
    inputs: &[(&[u32; I], &[u32; J])],
) -> Vec<[[u32; LANES]; O]> {
    let mut results = vec![[[0; LANES]; O]];
    for (lane, input) in inputs.iter().enumerate() {
        let [alone, ..] = &mut results[..] else { continue };
        for (row, [word, ..]) in alone.iter_mut().zip(run::<K, I, J, O>(&[*input])) {
            row[lane] = word;
        }
    }
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has it.
            results.push(unsafe { x86::run_avx2::<K, I, J, O>(inputs) });
        }
        if x86::has_avx512() {
            // SAFETY: the processor has it.
            results.push(unsafe { x86::run_avx512::<K, I, J, O>(inputs) });
        }
    }
    results
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::super::{Md5, Sha1};
    use super::*;

    /// Messages of one to five blocks, so that lanes end at different ones.
    fn messages<const W: usize>(count: usize, state: [u32; W]) -> Vec<Message<W>> {
        (0..count).map(|n| Message { state, first: 5 * n, count: 1 + n * 7 % 5 }).collect()
    }

    fn every_way_is_the_same<A: Algorithm<W>, const W: usize>(count: usize, blocks: &[Block]) {
        let states = |digest: &dyn Fn(&mut [Message<W>])| {
            let mut messages = messages(count, A::INITIAL);
            digest(&mut messages);
            messages.iter().map(|message| message.state).collect::<Vec<_>>()
        };
        let alone = states(&|messages| {
            messages.iter_mut().for_each(|one| digest::<A, W>(std::slice::from_mut(one), blocks))
        });
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has it.
            assert_eq!(states(&|messages| unsafe { x86::digest_avx2::<A, W>(messages, blocks) }), alone);
        }
        if x86::has_avx512() {
            // SAFETY: the processor has it.
            assert_eq!(states(&|messages| unsafe { x86::digest_avx512::<A, W>(messages, blocks) }), alone);
        }
    }

    #[test]
    fn every_extension_of_the_processor_gives_the_digests_of_each_message_alone() {
        let blocks: Vec<Block> =
            (0..5 * 40usize).map(|n| std::array::from_fn(|at| (n * 31 + at * 7).to_le_bytes()[0])).collect();
        for count in [2, 7, 8, 9, 16, 17, 40] {
            every_way_is_the_same::<Md5, 4>(count, &blocks);
            every_way_is_the_same::<Sha1, 5>(count, &blocks);
        }
    }
}
