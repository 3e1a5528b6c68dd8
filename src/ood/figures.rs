//! Figures of merit of a detector. Out-of-domain is the positive class, a higher score is more out of domain.
