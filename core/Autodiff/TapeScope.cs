using System.Numerics;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Autodiff;

/// <summary>A stretch of a pass during which the tape has another mode, or another place in the model; its end restores what was before.</summary>
public readonly struct TapeScope<T> : IDisposable where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Tape<T> tape;
    private readonly TapeMode before;
    private readonly Arena<T>.Mark? mark;

    internal TapeScope(Tape<T> tape, TapeMode mode, bool releases)
    {
        (this.tape, before) = (tape, tape.Mode);
        tape.Mode = mode;
        mark = releases ? tape.Arena.Begin() : null;
    }

    /// <summary>
    /// What a layer returns. If the tape records nothing, all other memory that was rented in the scope is free from here on, and a
    /// tensor that lies in it throws when it is used.
    /// </summary>
    public Variable<T> Keep(Variable<T> output) => Keep([output])[0];

    /// <inheritdoc cref="Keep(Variable{T})"/>
    public Variable<T>[] Keep(params Variable<T>[] outputs)
    {
        if (mark is not { } start) return outputs;
        var values = Tensor<T>.End(tape.Arena, start, Array.ConvertAll(outputs, output => output.Value));
        return [.. outputs.Select((output, i) => output is Parameter<T> ? output : output.WithValue(values[i]))];
    }

    /// <summary>Ends the scope.</summary>
    public void Dispose()
    {
        if (mark is { } start) tape.Arena.End(start);
        tape.Mode = before;
    }
}

/// <summary>What rules are recorded as at the moment.</summary>
internal readonly record struct TapeMode(bool Trains, bool Records, RandomStream? Random, string Place);
