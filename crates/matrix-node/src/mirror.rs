//! The types of the border mirror those of the core field by field. The macros
//! here write both the type and the conversion from one list, and the conversion
//! takes the core's value apart completely: a field or variant that the core
//! gains or loses is a compile error here.

/// Turns a value of the core into what crosses the border.
pub(crate) trait Cross {
    /// What crosses.
    type Js;
    /// Converts.
    fn cross(self) -> Self::Js;
}

macro_rules! as_it_is {
    ($($type:ty),*) => { $(impl Cross for $type {
        type Js = Self;
        fn cross(self) -> Self {
            self
        }
    })* };
}

as_it_is!(String, bool, u32, i64);

/// Times and counts are plain numbers in JavaScript, exact up to 2^53.
impl Cross for u64 {
    type Js = i64;
    fn cross(self) -> i64 {
        i64::try_from(self).unwrap_or(i64::MAX)
    }
}

impl<T: Cross> Cross for Option<T> {
    type Js = Option<T::Js>;
    fn cross(self) -> Self::Js {
        self.map(Cross::cross)
    }
}

impl<T: Cross> Cross for Vec<T> {
    type Js = Vec<T::Js>;
    fn cross(self) -> Self::Js {
        self.into_iter().map(Cross::cross).collect()
    }
}

/// A struct of the core as a plain object with the same fields in camelCase.
macro_rules! mirror_object {
    (
        $(#[$($meta:tt)*])*
        $name:ident from $core:path {
            $( $(#[$($field_meta:tt)*])* $field:ident: [$($type:tt)+], )*
        }
    ) => {
        $(#[$($meta)*])*
        #[napi_derive::napi(object, object_from_js = false)]
        pub struct $name {
            $( $(#[$($field_meta)*])* pub $field: $($type)+, )*
        }

        impl $crate::mirror::Cross for $core {
            type Js = $name;
            fn cross(self) -> $name {
                let Self { $($field),* } = self;
                $name { $($field: $crate::mirror::Cross::cross($field)),* }
            }
        }
    };
}

/// An enum of the core without data as a string; the literal is the case given.
macro_rules! mirror_name {
    (
        $(#[$($meta:tt)*])*
        $name:ident from $core:path as $case:literal { $($variant:ident),* $(,)? }
    ) => {
        $(#[$($meta)*])*
        #[napi_derive::napi(string_enum = $case)]
        pub enum $name {
            $( #[allow(missing_docs)] $variant, )*
        }

        impl $crate::mirror::Cross for $core {
            type Js = $name;
            fn cross(self) -> $name {
                match self { $(Self::$variant => $name::$variant),* }
            }
        }
    };
}

/// The other way: a string of JavaScript as an enum of the core.
macro_rules! name_to_core {
    (
        $(#[$($meta:tt)*])*
        $name:ident to $core:ident as $case:literal { $($variant:ident),* $(,)? }
    ) => {
        $(#[$($meta)*])*
        #[napi_derive::napi(string_enum = $case)]
        pub enum $name {
            $( #[allow(missing_docs)] $variant, )*
        }

        impl From<$name> for matrix_core::send::$core {
            fn from(name: $name) -> Self {
                match name { $($name::$variant => Self::$variant),* }
            }
        }
    };
}

pub(crate) use {mirror_name, mirror_object, name_to_core};
