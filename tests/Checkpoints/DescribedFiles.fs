/// Files from which alone a model can be rebuilt, changed by hand: of classifiers and of generators alike.
module Hybrid.Tests.Checkpoints.DescribedFiles

open System.Text.RegularExpressions
open Expecto
open Hybrid.Checkpoints
open Hybrid.Data
open Hybrid.Tests.Support

/// The file with other contents is refused, at once and without a large model.
let expectRefused (load: string -> 'Model) change fragments path =
    let file = SafeTensors.Read path
    let texts = Map.ofSeq [ for t in file.Metadata -> t.Key, t.Value ]
    let tensors = Map.ofSeq [ for t in file.Tensors -> t.Key, t.Value ]
    let newTexts, newTensors = change (texts, tensors)
    SafeTensors.Write(path, newTensors, newTexts)

    let allocated =
        HostileFileTests.allocatedBy (fun () -> refuses<DataFileException, _> (path :: fragments) (fun () -> load path))

    Expect.isLessThan allocated 1_000_000L "allocated"

/// A change of the settings alone.
let changingSettings (change: string -> string) (texts: Map<string, string>, tensors: Map<string, StoredTensor>) =
    let changed = change texts["settings"]
    Expect.notEqual changed texts["settings"] "the test changes something"
    Map.add "settings" changed texts, tensors

/// The settings with another value for one of them.
let setting (name: string) (value: string) (json: string) =
    Regex.Replace(json, $"\"{name}\":[^,}}]*", $"\"{name}\":{value}")

/// Takes a tensor out, and puts it in again under a name that no model has.
let without name (texts: Map<string, string>, tensors: Map<string, StoredTensor>) =
    Expect.isTrue (tensors.ContainsKey name) name
    texts, tensors |> Map.remove name |> Map.add "spare" tensors[name]
