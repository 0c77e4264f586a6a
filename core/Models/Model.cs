using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>What a model is built from.</summary>
public interface ISettings
{
    /// <summary>Refuses what no model can be built from; its constructor asks.</summary>
    void ThrowIfImpossible();
}

/// <summary>A model that keeps the settings that it was built from.</summary>
public abstract class Model<T, TSettings> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T> where TSettings : ISettings
{
    /// <summary>Makes a model without parts.</summary>
    /// <param name="settings">What it is built from; kept.</param>
    /// <param name="path">What the paths of its parts begin with; empty for nothing.</param>
    /// <exception cref="ArgumentException">No model can be built from the settings.</exception>
    protected Model(TSettings settings, string path = "") : base(path)
    {
        settings.ThrowIfImpossible();
        Settings = settings;
    }

    /// <summary>Size and choices.</summary>
    public TSettings Settings { get; }
}
