//! The globe: points on it, and how far apart they are.

/// The mean radius of the earth.
pub const EARTH_KM: f64 = 6371.0088;

/// A place as a vector of length one: which of two places is nearer is then seen without trigonometry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f32,
    pub y: f32,
    pub z: f32,
}

impl Point {
    pub fn at(latitude: f64, longitude: f64) -> Self {
        let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
        let (x, y, z) = (latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin());
        Self { x: x as f32, y: y as f32, z: z as f32 }
    }

    /// The square of the straight line through the earth: it grows with the distance.
    pub fn chord2(self, other: Self) -> f32 {
        let (x, y, z) = (self.x - other.x, self.y - other.y, self.z - other.z);
        x * x + y * y + z * z
    }

    /// Latitude and longitude.
    pub fn degrees(self) -> (f64, f64) {
        let (x, y, z) = (f64::from(self.x), f64::from(self.y), f64::from(self.z));
        (z.atan2(x.hypot(y)).to_degrees(), y.atan2(x).to_degrees())
    }
}

/// The great-circle distance between two (latitude, longitude), by the haversine.
pub fn distance_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (from, to) = (a.0.to_radians(), b.0.to_radians());
    let across = (b.1 - a.1).to_radians();
    let h = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * (across / 2.0).sin().powi(2);
    2.0 * EARTH_KM * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRANKFURT: (f64, f64) = (50.11, 8.68);
    const NEW_YORK: (f64, f64) = (40.71, -74.0);

    #[test]
    fn known_distances() {
        for (a, b, km) in [
            (FRANKFURT, NEW_YORK, 6202.4),
            (FRANKFURT, FRANKFURT, 0.0),
            ((0.0, 0.0), (0.0, 180.0), EARTH_KM * std::f64::consts::PI),
            ((90.0, 0.0), (-90.0, 77.0), EARTH_KM * std::f64::consts::PI),
            ((0.0, 179.5), (0.0, -179.5), EARTH_KM * 1f64.to_radians()),
        ] {
            let found = distance_km(a, b);
            assert!((found - km).abs() < 1.0, "{a:?} {b:?}: {found}");
        }
    }

    #[test]
    fn a_point_gives_its_degrees_back_and_its_chord_is_that_of_the_distance() {
        for latitude in (-90..=90).step_by(15) {
            for longitude in (-180..=180).step_by(15) {
                let at = (f64::from(latitude), f64::from(longitude));
                let point = Point::at(at.0, at.1);
                assert!(distance_km(point.degrees(), at) < 0.01, "{at:?} {:?}", point.degrees());
                let half = (f64::from(point.chord2(Point::at(FRANKFURT.0, FRANKFURT.1))).sqrt() / 2.0).min(1.0);
                let km = 2.0 * EARTH_KM * half.asin();
                // Nearly opposite points lose digits in a chord of f32.
                assert!((km - distance_km(at, FRANKFURT)).abs() < 5.0, "{at:?}: {km}");
            }
        }
    }
}
