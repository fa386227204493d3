//! The modules of a crate and the arrows between them, read from its source.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, Meta, UseTree, Visibility};

/// Names from the crate's root to a module; the root itself is empty.
pub(crate) type ModulePath = Vec<String>;

/// What stands for a module's own items among its children.
pub(crate) const OWN: &str = "(own items)";

/// A path that a module names.
struct Named {
    segments: Vec<String>,
    /// `pub use`: passed on, not used.
    is_passed_on: bool,
    /// `use a::b::*`
    is_glob: bool,
}

/// The modules of a crate.
#[derive(Default)]
pub(crate) struct Crate {
    named: BTreeMap<ModulePath, Vec<Named>>,
}

/// An arrow between two children of a module: `from` names something of `to`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    pub(crate) scope: ModulePath,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Crate {
    /// Reads `src/lib.rs`, or `src/main.rs`, and every module below it; code for tests alone is left out.
    pub(crate) fn read(folder: &Path) -> Self {
        let root = ["src/lib.rs", "src/main.rs"]
            .iter()
            .map(|file| folder.join(file))
            .find(|file| file.is_file())
            .unwrap_or_else(|| panic!("{} has no root", folder.display()));
        let mut modules = Self::default();
        let children = root.parent().expect("a file lies in a folder").to_owned();
        modules.read_file(&root, &children, Vec::new());
        modules
    }

    fn read_file(&mut self, file: &Path, children: &Path, path: ModulePath) {
        let text = std::fs::read_to_string(file)
            .unwrap_or_else(|error| panic!("{} cannot be read: {error}", file.display()));
        let parsed =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{} is no Rust: {error}", file.display()));
        self.read_items(&parsed.items, &parsed.attrs, children, path);
    }

    fn read_items(&mut self, items: &[Item], attributes: &[Attribute], children: &Path, path: ModulePath) {
        let mut reader = Reader::default();
        for attribute in attributes {
            reader.visit_attribute(attribute);
        }
        for item in items {
            match item {
                Item::Mod(module) if is_for_tests(&module.attrs) => {}
                Item::Mod(module) => self.read_module(module, children, &path),
                item => reader.visit_item(item),
            }
        }
        self.named.insert(path, reader.named);
    }

    fn read_module(&mut self, module: &ItemMod, children: &Path, parent: &ModulePath) {
        let name = module.ident.to_string();
        let path: ModulePath = parent.iter().cloned().chain([name.clone()]).collect();
        let below = children.join(&name);
        match &module.content {
            Some((_, items)) => self.read_items(items, &module.attrs, &below, path),
            None => {
                let beside = children.join(format!("{name}.rs"));
                let file = if beside.is_file() {
                    beside
                } else {
                    below.join("mod.rs")
                };
                self.read_file(&file, &below, path);
            }
        }
    }

    pub(crate) fn modules(&self) -> usize {
        self.named.len()
    }

    /// Every arrow, once, between children of one module.
    pub(crate) fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        for (from, named) in &self.named {
            for named in named.iter().filter(|named| !named.is_passed_on) {
                if let Some(to) = self.resolve(from, &named.segments, 0)
                    && to != *from
                {
                    arrows.insert(arrow_between(from, &to));
                }
            }
        }
        arrows
    }

    /// The module that a path leads to; None where it leaves the crate.
    fn resolve(&self, from: &ModulePath, segments: &[String], depth: usize) -> Option<ModulePath> {
        let mut module = from.clone();
        let mut rest = segments;
        match rest.first()?.as_str() {
            "crate" => {
                module.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {}
            first => {
                let child: ModulePath = from.iter().cloned().chain([first.to_owned()]).collect();
                self.named.get(&child)?;
            }
        }
        while rest.first().is_some_and(|segment| segment == "super") {
            module.pop()?;
            rest = &rest[1..];
        }
        while let Some(segment) = rest.first() {
            let child: ModulePath = module.iter().cloned().chain([segment.clone()]).collect();
            if !self.named.contains_key(&child) {
                break;
            }
            module = child;
            rest = &rest[1..];
        }
        // A name that the module passes on belongs to the module that it comes from.
        if let Some(name) = rest.first()
            && depth < 8
            && let Some(origin) = self.origin(&module, name)
            && let Some(found) = self.resolve(&module, origin, depth + 1)
        {
            return Some(found);
        }
        Some(module)
    }

    fn origin(&self, module: &ModulePath, name: &str) -> Option<&[String]> {
        let passed_on = self.named[module]
            .iter()
            .filter(|named| named.is_passed_on && !named.is_glob);
        passed_on
            .map(|named| named.segments.as_slice())
            .find(|segments| segments.last().is_some_and(|last| last == name))
    }
}

/// Lifts an arrow to the children of the nearest module that both lie in.
fn arrow_between(from: &ModulePath, to: &ModulePath) -> Arrow {
    let common = from.iter().zip(to).take_while(|(from, to)| from == to).count();
    let name = |path: &ModulePath| path.get(common).cloned().unwrap_or_else(|| OWN.to_owned());
    Arrow {
        scope: from[..common].to_vec(),
        from: name(from),
        to: name(to),
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || matches!(&attribute.meta, Meta::List(list)
                if list.path.is_ident("cfg") && list.tokens.to_string().split(|c: char| !c.is_alphanumeric()).any(|word| word == "test"))
    })
}

/// Collects the paths that a module's items name.
#[derive(Default)]
struct Reader {
    named: Vec<Named>,
}

impl Reader {
    fn read_use(&mut self, tree: &UseTree, before: &[String], is_passed_on: bool) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.read_use(&path.tree, &with(path.ident.to_string()), is_passed_on),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.read_use(tree, before, is_passed_on);
                }
            }
            UseTree::Name(name) if name.ident == "self" => self.push(before.to_vec(), is_passed_on, false),
            UseTree::Name(name) => self.push(with(name.ident.to_string()), is_passed_on, false),
            UseTree::Rename(rename) => self.push(with(rename.ident.to_string()), is_passed_on, false),
            UseTree::Glob(_) => self.push(before.to_vec(), is_passed_on, true),
        }
    }

    fn push(&mut self, segments: Vec<String>, is_passed_on: bool, is_glob: bool) {
        if !segments.is_empty() {
            self.named.push(Named {
                segments,
                is_passed_on,
                is_glob,
            });
        }
    }

    /// Paths from `crate` on, in what a macro is given.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut segments: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if segments.is_empty() && ident == "crate" => {
                    segments.push("crate".to_owned());
                    colons = 0;
                }
                TokenTree::Ident(ident) if !segments.is_empty() && colons == 2 => {
                    segments.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !segments.is_empty() => colons += 1,
                other => {
                    self.push(std::mem::take(&mut segments), false, false);
                    if let TokenTree::Group(group) = other {
                        self.read_tokens(group.stream());
                    }
                }
            }
        }
        self.push(segments, false, false);
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_passed_on = !matches!(item.vis, Visibility::Inherited);
        self.read_use(&item.tree, &[], is_passed_on);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            self.push(
                path.segments
                    .iter()
                    .map(|segment| segment.ident.to_string())
                    .collect(),
                false,
                false,
            );
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, macro_call: &'ast Macro) {
        self.read_tokens(macro_call.tokens.clone());
        visit::visit_macro(self, macro_call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.read_tokens(list.tokens.clone());
        }
    }
}

/// Modules of one place that lead to each other, each ring once.
pub(crate) fn rings(arrows: &BTreeSet<Arrow>) -> BTreeSet<(ModulePath, Vec<String>)> {
    let mut scopes: BTreeMap<&ModulePath, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for arrow in arrows {
        let scope = scopes.entry(&arrow.scope).or_default();
        scope.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let mut rings = BTreeSet::new();
    for (scope, arrows) in scopes {
        for module in arrows.keys() {
            let reached = reach(&arrows, module);
            let ring: Vec<String> = reached
                .iter()
                .filter(|other| reach(&arrows, other).contains(module))
                .map(ToString::to_string)
                .collect();
            if ring.len() > 1 {
                rings.insert((scope.clone(), ring));
            }
        }
    }
    rings
}

/// Everything that can be come to from `module` along arrows.
fn reach<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>, module: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![module];
    while let Some(module) = open.pop() {
        for next in arrows.get(module).into_iter().flatten() {
            if reached.insert(*next) {
                open.push(next);
            }
        }
    }
    reached
}

/// Rust and TypeScript files below `folder`, build output and generated ones aside.
pub(crate) fn source_files(folder: &Path, extensions: &[&str], files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    for path in entries.map(|entry| entry.expect("the entry can be read").path()) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !["target", "node_modules", ".git", "dist"].contains(&name) {
            source_files(&path, extensions, files);
        } else if path.is_file()
            && !name.ends_with(".d.ts")
            && path
                .extension()
                .is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
        {
            files.push(path);
        }
    }
}
