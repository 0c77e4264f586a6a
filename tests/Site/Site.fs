/// The site as it was built, as files.
module Hybrid.Tests.Site.Site

open System
open System.Collections.Concurrent
open System.IO
open AngleSharp.Dom
open AngleSharp.Html.Parser
open Hybrid.Docs

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))
let folder = Path.Combine(root, "docs", "site")

/// Where screenshots go; git ignores it.
let outputs = Path.Combine(root, "tests", "out", "site")

type Kind =
    | Home
    | Literate
    | Prose
    | Reference

type Page = { Name: string; Kind: Kind }

let isBuilt = File.Exists(Path.Combine(folder, "index.html"))

let pages =
    lazy
        (let scripts = Pages.scripts root |> List.map (fun page -> page.Name + ".html") |> Set.ofList

         [
             if isBuilt then
                 for file in Directory.GetFiles(folder, "*.html", SearchOption.AllDirectories) |> Array.sort do
                     match Path.GetRelativePath(folder, file).Replace('\\', '/') with
                     | "index.html" as name -> { Name = name; Kind = Home }
                     | name when name.Contains '/' -> { Name = name; Kind = Reference }
                     | name when scripts.Contains name -> { Name = name; Kind = Literate }
                     | name -> { Name = name; Kind = Prose }
         ])

let ofKind kind = pages.Value |> List.filter (fun page -> page.Kind = kind) |> List.map _.Name

/// The pages that are read from top to bottom: all but the reference.
let read () = pages.Value |> List.filter (fun page -> page.Kind <> Reference) |> List.map _.Name

/// The index of the reference and some of its pages, from all over the alphabet.
let sampleOfReference () =
    let all = ofKind Reference
    let distance = max 1 (all.Length / 6)

    [
        for i, name in List.indexed all do
            if name = "reference/index.html" || i % distance = 0 then
                name
    ]

/// A page of its own with this content, as the build's steps see it.
let parse (content: string) : IDocument =
    HtmlParser().ParseDocument
        $"<!DOCTYPE html><html lang=\"en\"><body><main id=\"content\">{content}</main></body></html>"

let private loaded = ConcurrentDictionary<string, Lazy<IDocument>>()

let load (name: string) : IDocument =
    let read (name: string) =
        lazy (HtmlParser().ParseDocument(File.ReadAllText(Path.Combine(folder, name))) :> IDocument)

    loaded.GetOrAdd(name, read).Value

/// The first page of a script that has such an element.
let literateWith (selector: string) =
    ofKind Literate |> List.find (fun name -> not (isNull ((load name).QuerySelector selector)))
