//! Histograms of scores with shared bins.
