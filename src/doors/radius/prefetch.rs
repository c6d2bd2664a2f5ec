//! Asks the processor for memory that will be needed soon. A batch of logins waits for memory more than it computes;
//! asked for in advance, the lines of all of them come at the same time.

const LINE_OCTETS: usize = 64;
/// The counts of an `Arc` stand before its value.
const COUNTS_OCTETS: usize = 16;

/// Every line of a value.
pub fn value<T>(value: &T) {
    let value: *const T = value;
    lines(value.cast(), size_of::<T>());
}

/// Every line of a shared value and its counts.
pub fn shared<T>(value: &T) {
    let value: *const T = value;
    lines(value.cast::<u8>().wrapping_sub(COUNTS_OCTETS), COUNTS_OCTETS + size_of::<T>());
}

/// The line at an address.
pub fn at(address: *const u8) {
    line(address);
}

/// Every line of a text or list.
pub fn slice<T>(slice: &[T]) {
    lines(slice.as_ptr().cast(), size_of_val(slice));
}

fn lines(start: *const u8, octets: usize) {
    for offset in (0..octets).step_by(LINE_OCTETS) {
        line(start.wrapping_add(offset));
    }
}

#[cfg(target_arch = "x86_64")]
fn line(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint: it reads nothing that the program sees and never faults, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
}

#[cfg(not(target_arch = "x86_64"))]
fn line(_address: *const u8) {}
