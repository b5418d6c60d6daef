//! The tuples that stand for lists: one to sixteen values. Whoever implements a trait for them is called once for each.

/// Calls a macro with the type names and numbers of each tuple: `A 0`, then `A 0 B 1`, and so on.
macro_rules! each {
    ($with:ident) => {
        $with!(A 0);
        $with!(A 0 B 1);
        $with!(A 0 B 1 C 2);
        $with!(A 0 B 1 C 2 D 3);
        $with!(A 0 B 1 C 2 D 3 E 4);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14);
        $with!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14 P 15);
    };
}

pub(crate) use each;
