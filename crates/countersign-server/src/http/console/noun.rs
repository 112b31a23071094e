//! `/console/NOUN…`: how does somebody manage a noun of the registry at the console?
//!
//! As at the management API, a noun says what it is and what its form holds; what is done with it is
//! said here, once for all.

mod applications;

mod principals;

mod roles;

mod mappings;

use axum::{Router, extract::Path, http::StatusCode, response::Response, routing::get};

use super::{
    Cell, Notice, Posted, Section, Shell, Visitor,
    facts::{Facts, Group},
    form::{Field, Form},
    links::{self, segment},
    refused,
    table::{Action, Table, Weight},
};
use crate::{
    Platform,
    http::pages::see_other,
    service::{self, Alterable, Applications, Mappings, Noun, Principals, Roles},
};

/// What a noun is at the console.
pub(super) trait AtConsole: Noun<New: Clone> {
    const SECTION: Section;
    /// A sentence or two for the head of its list.
    const ABOUT: &'static str;
    /// The heads of its columns.
    const COLUMNS: &'static [&'static str];
    /// On the way to the form that makes one.
    const MAKE: &'static str;
    /// What follows when one is taken away.
    const REMOVAL: &'static str;

    /// What its list is narrowed by, as it stands in the address, and the fields for that.
    fn filter(visitor: &Visitor) -> (Self::Filter, Vec<Field>);

    fn row(visitor: &Visitor, item: &Self::Item) -> Vec<Cell>;

    fn groups(visitor: &Visitor, item: &Self::Item) -> Vec<Group>;

    /// Ways to what else can be done with one.
    fn actions(_: &Visitor, _: &Self::Item) -> Vec<Action> {
        Vec::new()
    }

    /// Whether somebody may change this one, or make one when there is none yet, as far as it shows.
    fn may_write(visitor: &Visitor, _: Option<&Self::Item>) -> bool {
        visitor.may(Self::WRITE)
    }

    /// What a form begins with.
    fn blank(visitor: &Visitor) -> Self::New;

    /// The field for the name of a new one, where people choose it.
    fn naming(_: &Self::New) -> Option<Field> {
        None
    }

    /// The fields for the rest.
    fn fields(visitor: &Visitor, draft: &Self::New) -> Vec<Field>;

    /// What was typed in the place of what the form began with; and what of it cannot be read.
    fn typed(draft: Self::New, posted: &Posted) -> (Self::New, Option<String>);

    /// What the name of a new one is typed into.
    fn name(draft: &mut Self::New, name: &str);
}

pub(super) fn routes(platform: &Platform) -> Router<Platform> {
    Router::new()
        .merge(alterable::<Applications>(platform))
        .merge(alterable::<Principals>(platform))
        .merge(alterable::<Roles>(platform))
        .merge(fixed::<Mappings>(platform))
}

/// One that is made and taken away.
fn fixed<N: AtConsole + 'static>(platform: &Platform) -> Router<Platform> {
    let at = |page: &str| super::path(platform, &format!("{}{page}", N::SECTION.page()));
    let making = super::path(platform, &format!("/new{}", N::SECTION.page()));
    Router::new()
        .route(&at(""), get(list::<N>))
        .route(&making, get(blank::<N>).post(make::<N>))
        .route(&at("/{id}"), get(show::<N>))
        .route(&at("/{id}/delete"), get(doubt::<N>).post(remove::<N>))
}

/// One that is changed too.
fn alterable<N>(platform: &Platform) -> Router<Platform>
where
    N: AtConsole + Alterable + Noun<New = <N as Noun>::Item> + 'static,
{
    let changing = format!("{}/{{id}}/edit", N::SECTION.page());
    let changing = super::path(platform, &changing);
    let edited = get(edit::<N>).post(change::<N>);
    fixed::<N>(platform)
        .route(&changing, edited)
        .layer(axum::Extension(CanBeChanged))
}

/// Tells the page of one that there is a form to change it.
#[derive(Clone, Copy)]
struct CanBeChanged;

async fn list<N: AtConsole>(visitor: Visitor) -> Response {
    let (filter, filters) = N::filter(&visitor);
    let found = match service::list::<N>(visitor.platform(), visitor.caller(), &filter).await {
        Ok(found) => found,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let narrowed_by: Vec<&str> = filters.iter().map(Field::name).collect();
    let (items, pages) = links::page(&visitor, N::SECTION, &narrowed_by, &found, |it| N::id(it));
    let mut actions = Vec::new();
    if N::may_write(&visitor, None) {
        actions.push(Action {
            href: visitor.path(&format!("/new{}", N::SECTION.page())),
            text: N::MAKE,
            weight: Weight::First,
        });
    }
    let table = Table {
        shell: Shell::of(&visitor, Some(N::SECTION)),
        title: N::SECTION.title(),
        about: N::ABOUT,
        actions,
        filters,
        columns: N::COLUMNS.to_vec(),
        rows: items.iter().map(|item| N::row(&visitor, item)).collect(),
        nothing: links::nothing(&visitor, &narrowed_by),
        pages,
    };
    table.answer(&visitor)
}

async fn show<N: AtConsole>(
    visitor: Visitor,
    can_be_changed: Option<axum::Extension<CanBeChanged>>,
    Path(id): Path<String>,
) -> Response {
    let item = match service::find::<N>(visitor.platform(), visitor.caller(), &id).await {
        Ok(item) => item,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let mut actions = N::actions(&visitor, &item);
    if N::may_write(&visitor, Some(&item)) {
        let here = one::<N>(&visitor, &id);
        if can_be_changed.is_some() {
            actions.insert(
                0,
                links::action(format!("{here}/edit"), "Edit", Weight::First),
            );
        }
        actions.push(links::action(
            format!("{here}/delete"),
            "Delete",
            Weight::Grave,
        ));
    }
    let facts = Facts {
        shell: Shell::of(&visitor, Some(N::SECTION)),
        title: countersign_proto::showable::showable(&id, 255),
        kind: N::SECTION.one(),
        list: links::action(
            visitor.path(N::SECTION.page()),
            N::SECTION.title(),
            Weight::Plain,
        ),
        groups: N::groups(&visitor, &item),
        actions,
    };
    facts.answer(&visitor)
}

async fn blank<N: AtConsole>(visitor: Visitor) -> Response {
    if let Err(refusal) = visitor.caller().must_have(N::WRITE) {
        return refused::answer(&visitor, &refusal.into());
    }
    making::<N>(&visitor, &N::blank(&visitor)).answer(&visitor)
}

async fn make<N: AtConsole>(visitor: Visitor, posted: Posted) -> Response {
    let (mut draft, problem) = N::typed(N::blank(&visitor), &posted);
    N::name(&mut draft, posted.text("name").trim());
    let form = making::<N>(&visitor, &draft);
    if let Some(problem) = problem {
        return form.again(&visitor, StatusCode::UNPROCESSABLE_ENTITY, problem);
    }
    match service::create::<N>(visitor.platform(), visitor.caller(), draft).await {
        Ok(made) => see_other(&Notice::Made.at(&one::<N>(&visitor, N::id(&made)))),
        Err(refusal) => refused::in_form(&visitor, &refusal, form),
    }
}

fn making<N: AtConsole>(visitor: &Visitor, draft: &N::New) -> Form {
    let mut fields = N::fields(visitor, draft);
    if let Some(naming) = N::naming(draft) {
        fields.insert(0, naming);
    }
    let list = visitor.path(N::SECTION.page());
    let action = visitor.path(&format!("/new{}", N::SECTION.page()));
    links::form(visitor, N::SECTION, N::MAKE, fields, [action, list])
}

async fn edit<N>(visitor: Visitor, Path(id): Path<String>) -> Response
where
    N: AtConsole + Alterable + Noun<New = <N as Noun>::Item>,
{
    if let Err(refusal) = visitor.caller().must_have(N::WRITE) {
        return refused::answer(&visitor, &refusal.into());
    }
    match service::find::<N>(visitor.platform(), visitor.caller(), &id).await {
        Ok(item) => changing::<N>(&visitor, &item).answer(&visitor),
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

/// What the form does not show stays as it is.
async fn change<N>(visitor: Visitor, Path(id): Path<String>, posted: Posted) -> Response
where
    N: AtConsole + Alterable + Noun<New = <N as Noun>::Item>,
{
    let before = match service::find::<N>(visitor.platform(), visitor.caller(), &id).await {
        Ok(item) => item,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let (draft, problem) = N::typed(N::Item::clone(&before), &posted);
    let form = changing::<N>(&visitor, &draft);
    if let Some(problem) = problem {
        return form.again(&visitor, StatusCode::UNPROCESSABLE_ENTITY, problem);
    }
    match service::update::<N>(visitor.platform(), visitor.caller(), draft).await {
        Ok(_) => see_other(&Notice::Saved.at(&one::<N>(&visitor, &id))),
        Err(refusal) => refused::in_form(&visitor, &refusal, form),
    }
}

fn changing<N>(visitor: &Visitor, draft: &N::Item) -> Form
where
    N: AtConsole + Noun<New = <N as Noun>::Item>,
{
    let here = one::<N>(visitor, N::id(draft));
    let title = format!("Edit {}", N::id(draft));
    let fields = N::fields(visitor, draft);
    let action = format!("{here}/edit");
    Form {
        submit: "Save",
        ..links::form(visitor, N::SECTION, &title, fields, [action, here])
    }
}

async fn doubt<N: AtConsole>(visitor: Visitor, Path(id): Path<String>) -> Response {
    if let Err(refusal) = visitor.caller().must_have(N::WRITE) {
        return refused::answer(&visitor, &refusal.into());
    }
    match service::find::<N>(visitor.platform(), visitor.caller(), &id).await {
        Ok(_) => doubting::<N>(&visitor, &id).answer(&visitor),
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

async fn remove<N: AtConsole>(visitor: Visitor, Path(id): Path<String>) -> Response {
    match service::delete::<N>(visitor.platform(), visitor.caller(), &id).await {
        Ok(()) => see_other(&Notice::Gone.at(&visitor.path(N::SECTION.page()))),
        Err(refusal) => refused::in_form(&visitor, &refusal, doubting::<N>(&visitor, &id)),
    }
}

fn doubting<N: AtConsole>(visitor: &Visitor, id: &str) -> Form {
    let here = one::<N>(visitor, id);
    let title = format!("Delete {} {id}?", N::NAME);
    let action = format!("{here}/delete");
    Form {
        about: vec![N::REMOVAL.to_owned()],
        submit: "Delete",
        is_grave: true,
        ..links::form(visitor, N::SECTION, &title, Vec::new(), [action, here])
    }
}

/// The page of one.
fn one<N: AtConsole>(visitor: &Visitor, id: &str) -> String {
    visitor.path(&format!("{}/{}", N::SECTION.page(), segment(id)))
}
