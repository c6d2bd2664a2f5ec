//! Currencies and their minor units.

/// Codes of ISO 4217 whose minor unit is a hundredth.
const TWO_DIGITS: &str = "\
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC \
CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES \
KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR \
NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT \
TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW";
/// Codes without a minor unit.
const NO_DIGITS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
/// Codes whose minor unit is a thousandth.
const THREE_DIGITS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// The one currency of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Currency {
    /// ISO 4217, three capital letters.
    pub code: String,
    /// Digits of the minor unit: 2 for RUB.
    pub exponent: usize,
}

impl Currency {
    /// None: not a code of ISO 4217 that this version knows.
    pub fn parse(code: &str) -> Option<Currency> {
        let listed = |list: &str| list.split(' ').any(|known| known == code);
        let exponent = [(TWO_DIGITS, 2), (NO_DIGITS, 0), (THREE_DIGITS, 3)]
            .into_iter()
            .find_map(|(list, exponent)| listed(list).then_some(exponent))?;
        Some(Currency { code: code.to_owned(), exponent })
    }
}

impl Default for Currency {
    fn default() -> Currency {
        Currency { code: "RUB".to_owned(), exponent: 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_has_the_digits_of_its_minor_unit() {
        for (code, exponent) in [("RUB", Some(2)), ("KZT", Some(2)), ("JPY", Some(0)), ("KWD", Some(3))] {
            assert_eq!(Currency::parse(code).map(|c| c.exponent), exponent, "{code}");
        }
        for code in ["", "rub", "RU", "XXY", "RUB EUR"] {
            assert_eq!(Currency::parse(code), None, "{code}");
        }
        assert_eq!(Currency::parse("RUB"), Some(Currency::default()));
    }
}
