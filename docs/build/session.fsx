namespace Hybrid.Docs

open System
open System.IO
open FSharp.Compiler.Diagnostics
open FSharp.Compiler.Interactive.Shell

/// F# interactive, which evaluates a script cell by cell.
type Session(folder: string) =
    let session =
        Environment.CurrentDirectory <- folder

        FsiEvaluationSession.Create(
            FsiEvaluationSession.GetDefaultConfiguration(),
            [| "fsi"; "--noninteractive"; "--nologo"; "--gui-"; "--nowarn:211" |],
            TextReader.Null,
            TextWriter.Null,
            TextWriter.Null
        )

    /// What the compiler knows of a cell, what the cell printed, and its value if that is text; or why it did not end.
    member _.Evaluate(code: string) =
        let _, known, _ = session.ParseAndCheckInteraction code
        let console = Console.Out
        use printed = new StringWriter()
        Console.SetOut printed

        let result, diagnostics =
            try
                session.EvalInteractionNonThrowing code
            finally
                Console.SetOut console

        let errors =
            [
                for found in diagnostics do
                    if found.Severity = FSharpDiagnosticSeverity.Error then
                        $"line {found.StartLine} of it: {found.Message}"
            ]

        match result with
        | Choice1Of2 value ->
            let value =
                value
                |> Option.map _.ReflectionValue
                |> Option.bind (function
                    | :? string as text -> Some text
                    | _ -> None)

            Ok(known, printed.ToString(), value)
        | Choice2Of2 error when errors.IsEmpty -> Error $"ended with an exception: {error.Message}"
        | Choice2Of2 _ -> Error("does not compile: " + String.concat "\n" errors)
