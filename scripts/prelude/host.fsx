namespace Hybrid.Scripts

open System
open System.IO
open System.Reflection

/// Where a page runs: on a terminal (dotnet fsi), inside the build of the site (fsdocs), or in a notebook (.NET Interactive).
[<RequireQualifiedAccess>]
module Host =
    let private program = Assembly.GetEntryAssembly().GetName().Name

    let isTerminal = program = "fsi"

    let isNotebook =
        program.Contains("dotnet-interactive", StringComparison.OrdinalIgnoreCase)
        || program.Contains("DotNet.Interactive", StringComparison.OrdinalIgnoreCase)

    /// An exit inside the site's build would end that build, and options do not reach a page there.
    let isSite = not isTerminal && not isNotebook

    /// The options behind the script's name; only on a terminal are there any.
    let arguments =
        let all = Environment.GetCommandLineArgs()
        let isScript (argument: string) = argument.EndsWith(".fsx", StringComparison.OrdinalIgnoreCase)

        match Array.tryFindIndex isScript all with
        | Some script when isTerminal -> all[script + 1 ..]
        | _ -> [||]

    /// What a cell shows of HTML that it makes: the site puts it in, a notebook has printed it or leaves it out.
    let shown (html: string) = if isNotebook then "" else html

    /// What went wrong in cells of the page inside the site's build, which goes on after such a cell and does not tell.
    let errors = ResizeArray<string>()

    if isSite then
        let mutable cause = ""

        AppDomain.CurrentDomain.FirstChanceException.Add(fun thrown ->
            match thrown.Exception with
            | :? TargetInvocationException as wrapper when not (isNull wrapper.InnerException) ->
                cause <- wrapper.InnerException.Message
            // The compiler service throws this one when a cell ends by an exception that nothing in it caught.
            | stopped when stopped.GetType().Name = "StopProcessingExn" ->
                // Without a cause it never ran: fsdocs compiles each cell by itself, a script is compiled whole.
                errors.Add(
                    if cause = "" then
                        "it does not compile on its own; annotate the types that only later cells settle."
                    else
                        cause
                )

                cause <- ""
            | _ -> ())

    /// The folder above core/ and scripts/; the current folder serves when the script itself lies elsewhere.
    let root =
        let rec above (folder: string | null) =
            match folder with
            | null -> None
            | folder when File.Exists(Path.Combine(folder, "core", "Hybrid.Core.csproj")) -> Some folder
            | folder -> above (Path.GetDirectoryName folder)

        match above __SOURCE_DIRECTORY__ |> Option.orElse (above Environment.CurrentDirectory) with
        | Some folder -> folder
        | None ->
            failwith "no folder above this script holds core/Hybrid.Core.csproj; run it from within the repository."

    /// Ends a page that cannot go on: with a message and exit code 1, or where no terminal is with an exception.
    let refuse message =
        eprintfn $"%s{message}"
        if isTerminal then exit 1 else failwith message

[<AutoOpen>]
module Data =
    /// Full path of a file in scripts/data, such as "cmudict-g2p/train.tsv.gz".
    let dataFile (name: string) =
        let file = Path.GetFullPath(Path.Combine(Host.root, "scripts", "data", name))

        if File.Exists file then
            file
        else
            Host.refuse $"scripts/data has no {name}; the data comes with the repository, check it out again."

    /// What a function returns, and how many seconds it took.
    let timed (action: unit -> 'T) =
        let watch = Diagnostics.Stopwatch.StartNew()
        let result = action ()
        result, watch.Elapsed.TotalSeconds
