/// What a page says when it cannot go on, in process.
module Hybrid.Tests.Pages.Refusals

open System
open System.IO
open Expecto

/// What was said to whoever started the page, which must be the cause of the exception that stands for its end.
let refusalOf (action: unit -> 'R) =
    let before = Console.Error
    use said = new StringWriter()
    Console.SetError said

    let cause =
        try
            try
                action () |> ignore
                None
            with error ->
                Some error.Message
        finally
            Console.SetError before

    match cause with
    | None -> failtest "nothing was refused"
    | Some cause ->
        Expect.equal (said.ToString().TrimEnd()) (cause.TrimEnd()) "what is said, and the exception"
        cause
