namespace Hybrid.Scripts

open System
open System.IO
open System.Reflection

/// Where a page runs: on a terminal (dotnet fsi), inside the build of the site, or in a notebook (.NET Interactive).
[<RequireQualifiedAccess>]
module Host =
    let private program = nonNull ((nonNull (Assembly.GetEntryAssembly())).GetName().Name)

    /// The site's build says so: it runs pages in F# interactive too, but no options reach them, and an exit would end that build.
    let isSite = not (String.IsNullOrEmpty(Environment.GetEnvironmentVariable "HYBRID_SITE"))

    let isTerminal = program = "fsi" && not isSite

    let isNotebook =
        program.Contains("dotnet-interactive", StringComparison.OrdinalIgnoreCase)
        || program.Contains("DotNet.Interactive", StringComparison.OrdinalIgnoreCase)

    /// The options behind the script's name; only on a terminal are there any.
    let arguments =
        let all = Environment.GetCommandLineArgs()
        let isScript (argument: string) = argument.EndsWith(".fsx", StringComparison.OrdinalIgnoreCase)

        match Array.tryFindIndex isScript all with
        | Some script when isTerminal -> all[script + 1 ..]
        | _ -> [||]

    /// What a cell shows of HTML that it makes: the site puts it in, a notebook has printed it or leaves it out.
    let shown (html: string) = if isNotebook then "" else html

    /// The folder above core/ and scripts/: above this assembly, else above the current folder.
    let root =
        let rec above (folder: string | null) =
            match folder with
            | null -> None
            | folder when File.Exists(Path.Combine(folder, "core", "Hybrid.Core.csproj")) -> Some folder
            | folder -> above (Path.GetDirectoryName folder)

        match
            above (Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location))
            |> Option.orElse (above Environment.CurrentDirectory)
        with
        | Some folder -> folder
        | None ->
            failwith "no folder above the prelude holds core/Hybrid.Core.csproj; run it from within the repository."

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
