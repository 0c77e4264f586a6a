/// Equation ids: core quotes them beside the line that computes them, a test registers them once its checks have passed.
module Hybrid.Tests.Equations

open System
open System.Collections.Concurrent
open System.IO
open System.Text.RegularExpressions

let private registered = ConcurrentDictionary<string, unit>()

/// Says that the equations were checked; call it at the end of a test's body, after its checks.
let covers (ids: string list) =
    for id in ids do
        registered[id] <- ()

/// The folder that holds Hybrid.sln.
let root =
    let rec climb (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith "Hybrid.sln was not found above the tests; run them from a checkout."
        | folder when File.Exists(Path.Combine(folder.FullName, "Hybrid.sln")) -> folder.FullName
        | folder -> climb folder.Parent

    climb (DirectoryInfo AppContext.BaseDirectory)

let private isBuilt (path: string) =
    let parts = Path.GetRelativePath(root, path).Split Path.DirectorySeparatorChar
    Array.contains "bin" parts || Array.contains "obj" parts

let private idsIn folder pattern (mark: string) =
    let regex = Regex mark
    let folder = Path.Combine(root, folder)

    if Directory.Exists folder then
        Directory.GetFiles(folder, pattern, SearchOption.AllDirectories)
        |> Seq.filter (isBuilt >> not)
        |> Seq.collect (fun file -> regex.Matches(File.ReadAllText file))
        |> Seq.map _.Groups[1].Value
        |> Set.ofSeq
    else
        Set.empty

/// What is wrong, one line each: an id without a test that ran, without code, or tagged on a page and computed nowhere.
let audit () =
    let core = idsIn "core" "*.cs" @"// ([A-Z]+-\d+)"
    let tags = idsIn "scripts" "*.fsx" @"\\tag\{([A-Z]+-\d+)\}"
    let ran = Set.ofSeq registered.Keys
    let list ids = String.Join(", ", Set.toList ids)

    [
        if core.IsEmpty then
            "core quotes no equation id at all"
        if not (core - ran).IsEmpty then
            $"computed in core, but no test that ran checked: {list (core - ran)}"
        if not (ran - core).IsEmpty then
            $"checked by a test, but computed nowhere in core: {list (ran - core)}"
        if not (tags - core).IsEmpty then
            $"tagged on a page, but computed nowhere in core: {list (tags - core)}"
    ]
